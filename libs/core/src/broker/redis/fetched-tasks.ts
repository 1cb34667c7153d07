import * as scripts from '../../scripts/scripts.generated.js';
import { readCrashes, readUnknownSinceMs } from '../../wire/attempt-record.js';
import { keys } from '../../wire/keys.js';
import { textAt } from '../../wire/plain-fields.js';
import { encodeTaskMessage, type TaskMessage } from '../../wire/task-message.js';
import { floorS } from '../../wire/unix-time.js';
import type { LeaseClaim, LeasedTask } from '../contract/lease.js';
import { readStoredMessage } from '../stored-message.js';
import type { LaneCall } from './call-lanes.js';
import { leasesOf } from './lease-claims.js';
import type { RedisLink } from './redis-link.js';

/** The keys of every fetch script. */
export const sourceKeys = (queue: string, { lane }: LaneCall) => ({
  pending: keys.pending(queue),
  paused: keys.paused(queue),
  active: keys.active(queue),
  lease: keys.lease(queue),
  mark: keys.fetched(queue, lane),
});

/** Of each task that has any: which one it is, its unknown_since_ms, crashes, and pending_since in us. */
type Notes = readonly (Buffer | number | null)[];

const NOTE_MEMBERS = 4;

/** Tasks as the fetch scripts return them. */
export interface StoredTasks {
  readonly ids: readonly string[];
  /** `null`: none has this id. */
  readonly messages: readonly (Buffer | null)[];
  readonly notes: Notes;
}

/** The reply of a fetch script. `nth`: tasks that were passed over, or the end of the lease. */
export type FetchReplyFields = readonly [
  isPaused: number,
  remaining: number,
  nth: number,
  ids: Buffer,
  notes: Notes,
  ...messages: (Buffer | null)[],
];

const FIRST_MESSAGE = 5;

/** The reply of `load`. */
export type LoadReplyFields = readonly [notes: Notes, ...messages: (Buffer | null)[]];

/** The tasks of a reply; `undefined`: it names others than it has messages of. */
export function tasksIn(reply: FetchReplyFields): StoredTasks | undefined {
  const [, , , joinedIds, notes] = reply;
  const ids = readIds(joinedIds, 0);
  const messages = reply.slice(FIRST_MESSAGE) as (Buffer | null)[];
  return ids.length === messages.length ? { ids, messages, notes } : undefined;
}

/** Ids as `joinedIds` of `include/mark-fetch.lua` writes them, from a place in the bytes on, as far as they are that. */
export function readIds(bytes: Buffer, start: number): string[] {
  const ids: string[] = [];
  for (let at = start; at < bytes.length;) {
    let colon = at;
    let size = 0;
    for (; isDigit(bytes[colon]); colon++) size = size * 10 + bytes[colon]! - ZERO;
    const end = colon + 1 + size;
    if (colon === at || bytes[colon] !== COLON || end > bytes.length) break;
    ids.push(textAt(bytes, colon + 1, end, '') ?? bytes.toString('utf8', colon + 1, end));
    at = end;
  }
  return ids;
}

const ZERO = 48;
const isDigit = (byte: number | undefined): boolean => byte! >= ZERO && byte! <= 57;
const COLON = 58;

/** The tasks of a fetch, and the ids that were dropped. Unusable messages are archived, and are in neither. */
export async function readFetched(
  redis: RedisLink,
  queue: string,
  { ids, messages, notes }: StoredTasks,
  leaseExpiresAtS: number,
): Promise<{ readonly tasks: LeasedTask[]; readonly orphans: string[] }> {
  const tasks: LeasedTask[] = [];
  const orphans: string[] = [];
  const quarantines: Promise<void>[] = [];
  let note = 0;
  for (let nth = 0; nth < messages.length; nth++) {
    const id = ids[nth]!;
    const bytes = messages[nth]!;
    const hasNotes = notes[note] === nth;
    if (hasNotes) note += NOTE_MEMBERS;
    if (bytes === null) {
      orphans.push(id);
      continue;
    }
    const { message, isSound } = readStoredMessage(queue, id, bytes);
    if (!isSound) {
      quarantines.push(quarantine(redis, queue, { id, expiriesS: [leaseExpiresAtS] }, message, bytes));
      continue;
    }
    const known = hasNotes ? readNotes(notes, note - NOTE_MEMBERS, message) : NO_NOTES;
    tasks.push({
      message,
      leaseExpiresAtS,
      unknownTypeSinceMs: known.unknownTypeSinceMs,
      crashes: known.crashes,
      pendingSinceMs: known.pendingSinceMs,
    });
  }
  await Promise.all(quarantines);
  return { tasks, orphans };
}

type KnownOfTask = Pick<LeasedTask, 'unknownTypeSinceMs' | 'crashes' | 'pendingSinceMs'>;

const NO_NOTES: KnownOfTask = { unknownTypeSinceMs: undefined, crashes: undefined, pendingSinceMs: undefined };

function readNotes(notes: Notes, at: number, message: TaskMessage): KnownOfTask {
  const crashes = notes[at + 2];
  const pendingSinceUs = notes[at + 3] as number | null;
  return {
    unknownTypeSinceMs: readUnknownSinceMs(notes[at + 1]?.toString(), message),
    crashes: crashes ? readCrashes(crashes.toString(), message, 'active').total : undefined,
    pendingSinceMs: pendingSinceUs === null ? undefined : pendingSinceUs / 1_000,
  };
}

/** Never rejects: the valid tasks of the batch are already leased. */
async function quarantine(
  redis: RedisLink,
  queue: string,
  claim: LeaseClaim,
  message: Parameters<typeof encodeTaskMessage>[0],
  rawMessage: Uint8Array,
): Promise<void> {
  const fields = { queue, id: claim.id, reason: message.errorMsg };
  try {
    await redis.run(
      scripts.quarantine,
      {
        active: keys.active(queue),
        lease: keys.lease(queue),
        archived: keys.archived(queue),
        task: keys.task(queue, claim.id),
      },
      {
        taskId: claim.id,
        leases: leasesOf(claim),
        archivedAtS: floorS(redis.clock.nowMs()),
        message: encodeTaskMessage(message),
        rawMessage,
      },
    );
    redis.logger.error('archived a task with an unusable message', fields);
  } catch (error) {
    // It stays leased; once recovered, it is fetched and quarantined again.
    redis.logger.error('cannot archive a task with an unusable message', { ...fields, error });
  }
}
