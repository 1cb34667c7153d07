import { QueueNotFoundError } from '@nestjs-asynq/core';
import { placeOf } from '@nestjs-asynq/core/internal';
import type { Right } from '../api/access.js';
import { RequestError } from '../http/request.error.js';

/** From less to more. */
const RIGHTS: readonly (Right | 'none')[] = ['none', 'view', 'operate', 'admin'];

/** What an app grants to one request. */
export interface Access {
  /** A name for the audit. */
  readonly who?: string | undefined;
  /** The right on queues, unless `queues` says otherwise. */
  readonly right: Right | 'none';
  /** The right on each queue; `'none'` hides it. Default: `right`. */
  readonly queues?: ((queue: string) => Right | 'none') | undefined;
}

/** The person behind a request, and what this person may do. */
export class Viewer {
  private readonly byQueue = new Map<string, Right | 'none'>();

  constructor(
    private readonly access: Access,
    /** Nobody may act. */
    readonly readOnly: boolean,
  ) {}

  get who(): string | undefined {
    return this.access.who;
  }

  /** The right on queues in general. */
  get right(): Right {
    return atMost(this.access.right === 'none' ? 'view' : this.access.right, this.readOnly);
  }

  /** No queue is hidden by a function. */
  get seesAll(): boolean {
    return this.access.queues === undefined;
  }

  /** A part of a partitioned queue counts as the whole: the app knows its name only. */
  rightOn(name: string): Right | 'none' {
    if (!this.access.queues) return this.right;
    const { queue } = placeOf(name);
    let right = this.byQueue.get(queue);
    if (right === undefined) {
      right = this.access.queues(queue);
      if (!RIGHTS.includes(right)) right = 'none'; // what the app returned is no right
      this.byQueue.set(queue, right);
    }
    return right === 'none' ? 'none' : atMost(right, this.readOnly);
  }

  sees(queue: string): boolean {
    return this.rightOn(queue) !== 'none';
  }

  may(queue: string, needed: Right): boolean {
    return isAtLeast(this.rightOn(queue), needed);
  }

  /** @throws {QueueNotFoundError} the queue is hidden: as if it did not exist */
  checkSees(queue: string): void {
    if (!this.sees(queue)) throw new QueueNotFoundError(queue);
  }

  /**
   * @throws {QueueNotFoundError} the queue is hidden
   * @throws {RequestError} the right is missing, or nobody may act
   */
  checkMay(queue: string, needed: Right): void {
    this.checkSees(queue);
    if (this.readOnly) throw readOnlyError();
    if (!this.may(queue, needed)) {
      throw new RequestError(403, 'FORBIDDEN', `the right "${needed}" on queue "${queue}" is needed`);
    }
  }
}

export const readOnlyError = (): RequestError => new RequestError(403, 'READ_ONLY', 'the dashboard is read-only');

const isAtLeast = (right: Right | 'none', needed: Right): boolean => RIGHTS.indexOf(right) >= RIGHTS.indexOf(needed);

const atMost = (right: Right, readOnly: boolean): Right => (readOnly ? 'view' : right);
