import type { WorkSignal } from '../../watch/work-watcher.js';
import type { RunLimits } from '../running/run-limits.js';
import { Lane } from './lane.js';

/** Minimum interval between questions to an empty queue while other queues have work. */
const ASK_EMPTY_EVERY_MS = 20;
/** Interval of fetches from a paused queue by a full server, which does not watch it. */
const ASK_PAUSED_EVERY_MS = 1_000;

/**
 * The lanes of all queues. Those with something to do are kept apart from the others, so that an idle queue costs a fill
 * nothing.
 *
 * An idle queue is watched, not polled, while a slot is free. While all slots are taken it is not, unless it is one of many (see
 * {@link WorkSignal}): others should take its tasks. Then the next free slot fetches from it too.
 */
export class Lanes {
  /** May have work, or have a fetch or tasks under way. */
  readonly awake = new Set<Lane>();
  private readonly all = new Map<string, Lane>();
  private readonly watched = new Set<Lane>();
  /** Idle and not watched. */
  private readonly unwatched = new Set<Lane>();
  private isFull = false;

  constructor(
    private readonly readAheadMs: number,
    private readonly workSignal: Pick<WorkSignal, 'watch' | 'unwatch' | 'isAlwaysWatched' | 'setFree'>,
    private readonly limits: Pick<RunLimits, 'ofQueue'>,
  ) {}

  get count(): number {
    return this.all.size;
  }

  /** Every lane, whatever it does. */
  get every(): Iterable<Lane> {
    return this.all.values();
  }

  /** Its queue may have work, unless it is always watched. */
  add(queue: string): void {
    const lane = new Lane(queue, this.readAheadMs, this.limits.ofQueue(queue));
    lane.isEmpty = this.workSignal.isAlwaysWatched(queue);
    this.all.set(queue, lane);
    this.awake.add(lane);
  }

  get(queue: string): Lane | undefined {
    return this.all.get(queue);
  }

  /** It may have work. */
  wake(lane: Lane): void {
    lane.isEmpty = false;
    this.watched.delete(lane);
    this.unwatched.delete(lane);
    this.awake.add(lane);
  }

  /** All that are not always watched. */
  wakeAll(): void {
    for (const lane of [...this.watched, ...this.unwatched]) this.wake(lane);
    for (const lane of this.awake) lane.isEmpty &&= this.workSignal.isAlwaysWatched(lane.queue);
  }

  /**
   * A slot is free again: queues that were found empty may have work by now. Returns those to be asked; while no other queue has
   * work, a fetch does that.
   */
  beginRound(nowMs: number, isStrict: boolean): Lane[] {
    if (!this.isFull) return [];
    let isBusy = false;
    for (const lane of this.awake) isBusy ||= !lane.isEmpty && !lane.isSick;
    const mayFetch = isStrict || !isBusy;
    const toAsk: Lane[] = [];
    for (const lanes of [this.awake, this.unwatched]) {
      for (const lane of lanes) {
        const isDue =
          nowMs - lane.askedAtMs >= (lane.isPaused ? ASK_PAUSED_EVERY_MS : mayFetch ? 0 : ASK_EMPTY_EVERY_MS);
        if (!lane.isEmpty || !isDue || this.workSignal.isAlwaysWatched(lane.queue)) continue;
        if (mayFetch) this.wake(lane);
        else toAsk.push(lane);
      }
    }
    for (const lane of toAsk) lane.askedAtMs = nowMs;
    return toAsk;
  }

  /** Lanes with nothing to do sleep, and are watched if they may be. */
  rest(isFull: boolean): void {
    this.isFull = isFull;
    for (const lane of this.awake) if (lane.isIdle) this.sleep(lane);
    this.workSignal.setFree(!isFull);
    if (isFull) this.unwatchAll();
    else this.watchAll();
  }

  private sleep(lane: Lane): void {
    this.awake.delete(lane);
    if (this.workSignal.isAlwaysWatched(lane.queue)) this.workSignal.watch(lane.queue);
    else this.unwatched.add(lane);
  }

  private watchAll(): void {
    for (const lane of this.unwatched) {
      this.watched.add(lane);
      this.workSignal.watch(lane.queue);
    }
    this.unwatched.clear();
  }

  private unwatchAll(): void {
    for (const lane of this.watched) {
      this.unwatched.add(lane);
      this.workSignal.unwatch(lane.queue);
    }
    this.watched.clear();
  }
}
