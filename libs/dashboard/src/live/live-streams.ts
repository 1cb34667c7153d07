import type { LiveTask } from '../api/live.js';
import type { TaskRef } from '../api/tasks.js';
import type { Board } from '../board.js';
import type { Viewer } from '../access/viewer.js';
import type { Write } from '../http/exchange.js';
import { RequestError } from '../http/request.error.js';
import { jsonInSlices } from '../slices/json-in-slices.js';
import { liveMessage, liveTask, type Watched } from './live-message.js';

/** Streams of one process: a page has one. */
const MOST_STREAMS = 500;
/** Guards run when a stream begins: who lost access gets no more after this. */
const LIFE_MS = 5 * 60_000;
/** Silence after which a proxy may close the stream. */
const SILENCE_MS = 15_000;
/** Tasks that are read with each turn. */
const MOST_TASKS = 50;

/** The open streams of a connection. All are fed by the same reading. */
export class LiveStreams {
  private readonly ends = new Set<() => void>();
  private readonly tasks = new Map<string, { readonly turn: number; readonly read: Promise<LiveTask | undefined> }>();
  private turn = 0;
  private readonly unwatch: () => void;

  constructor(private readonly board: Board) {
    this.unwatch = board.readings.onTurn(() => {
      this.turn += 1;
      this.tasks.clear();
    });
  }

  get size(): number {
    return this.ends.size;
  }

  /** @throws {RequestError} too many are open */
  checkRoom(): void {
    if (this.ends.size >= MOST_STREAMS)
      throw new RequestError(429, 'BUSY', 'too many pages are open: they poll instead');
  }

  /** Writes to one page until it is gone, its time is up, or the app shuts down. */
  async write(write: Write, viewer: Viewer, watched: Watched, signal: AbortSignal): Promise<void> {
    const { readings } = this.board;
    const stream = new Stream(signal, LIFE_MS);
    const end = (): void => stream.end('bye');
    this.ends.add(end);
    const unwatch = readings.onTurn(() => stream.wake());
    try {
      await write('retry: 2000\n\n');
      let last = '';
      for (let id = 1; !stream.isOver; id++) {
        readings.look(watched.queues);
        const message = await liveMessage(this.board, viewer, watched, (task) => this.readTask(task));
        const { nowMs, ...content } = message;
        const text = await jsonInSlices(content);
        if (text !== last || stream.isSilentFor(SILENCE_MS)) {
          last = text;
          stream.noteWritten();
          await write(`event: tick\nid: ${id}\ndata: {"nowMs":${nowMs},${text.slice(1)}\n\n`);
        }
        await stream.next(SILENCE_MS);
      }
      if (stream.reason === 'bye') await write('event: bye\ndata: {}\n\n');
    } finally {
      unwatch();
      stream.close();
      this.ends.delete(end);
    }
  }

  /** Ends all streams: one that is open would hold up the shutdown of the app. */
  close(): void {
    this.unwatch();
    for (const end of this.ends) end();
  }

  /** Viewers of one task share what is read of it in a turn. A failed reading shows as no news. */
  private async readTask(task: TaskRef): Promise<LiveTask | undefined> {
    const key = `${task.queue}\n${task.id}`;
    const known = this.tasks.get(key);
    if (known?.turn === this.turn) return known.read;
    if (this.tasks.size >= MOST_TASKS) return undefined;
    const read = liveTask(this.board, task).catch(() => undefined);
    this.tasks.set(key, { turn: this.turn, read });
    return read;
  }
}

/** The life of one stream: it sleeps between two turns. */
class Stream {
  reason: 'gone' | 'old' | 'bye' | undefined;
  private writtenAtMs = performance.now();
  private wakeUp: (() => void) | undefined;
  /** Woken while the last message was still being written. */
  private isDue = false;
  private readonly timer: NodeJS.Timeout;
  private readonly onAbort = (): void => this.end('gone');

  constructor(
    private readonly signal: AbortSignal,
    lifeMs: number,
  ) {
    this.timer = setTimeout(() => this.end('old'), lifeMs).unref();
    if (signal.aborted) this.reason = 'gone';
    else signal.addEventListener('abort', this.onAbort);
  }

  get isOver(): boolean {
    return this.reason !== undefined;
  }

  isSilentFor(ms: number): boolean {
    return performance.now() - this.writtenAtMs >= ms;
  }

  noteWritten(): void {
    this.writtenAtMs = performance.now();
  }

  wake(): void {
    if (this.wakeUp) this.wakeUp();
    else this.isDue = true;
  }

  end(reason: 'gone' | 'old' | 'bye'): void {
    this.reason ??= reason;
    this.wake();
  }

  /** Sleeps until the next turn, but not for longer than `mostMs`. */
  async next(mostMs: number): Promise<void> {
    const isDue = this.isDue;
    this.isDue = false;
    if (this.isOver || isDue) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.wakeUp = resolve;
      timer = setTimeout(resolve, mostMs).unref();
    });
    clearTimeout(timer);
    this.wakeUp = undefined;
  }

  close(): void {
    clearTimeout(this.timer);
    this.signal.removeEventListener('abort', this.onAbort);
  }
}
