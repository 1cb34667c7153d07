import { useEffect, useId, useSyncExternalStore } from 'react';
import type { LiveMessage } from '../../../src/api/live.js';
import { READS } from '../../../src/api/routes.js';
import { onSettingsChange, settings } from '../settings.js';
import { addressOf, read } from './requests.js';
import { noteServerTime } from './server-clock.js';

/** `lost`: asked, but there was no answer lately. */
export type LiveStatus = 'connecting' | 'live' | 'polling' | 'off' | 'lost';

export interface LiveState {
  readonly status: LiveStatus;
  readonly message: LiveMessage | undefined;
}

/** What a part of the page wants to hear about. */
export interface LiveInterest {
  readonly queue?: readonly string[] | undefined;
  readonly taskQueue?: string | undefined;
  readonly taskId?: string | undefined;
}

/** Failures in a row after which the page asks instead of listening. */
const MOST_FAILURES = 3;
const POLL_MS = 5_000;
/** When to try the stream again. */
const TRY_AGAIN_MS = 60_000;
/** Parts of the page announce what they want within this time: one stream for all. */
const GATHER_MS = 80;

/** One stream for the whole page; none while nobody sees it. */
class LiveFeed {
  private readonly interests = new Map<string, LiveInterest>();
  private readonly listeners = new Set<() => void>();
  private state: LiveState = { status: 'connecting', message: undefined };
  private source: EventSource | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asking: AbortController | undefined;
  private failures = 0;
  private streamAgainAtMs = 0;
  private query = '';

  constructor() {
    document.addEventListener('visibilitychange', () => this.restart());
    window.addEventListener('pagehide', () => this.stop());
    window.addEventListener('pageshow', (event) => event.persisted && this.restart());
    let { refresh } = settings();
    onSettingsChange(() => {
      if (settings().refresh === refresh) return;
      refresh = settings().refresh;
      this.restart();
    });
  }

  readonly getState = (): LiveState => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) this.schedule(() => this.restart(), GATHER_MS);
    return () => {
      this.listeners.delete(listener);
      if (this.listeners.size === 0) this.stop();
    };
  };

  setInterest(key: string, interest: LiveInterest | undefined): void {
    if (interest) this.interests.set(key, interest);
    else this.interests.delete(key);
    if (this.listeners.size > 0) this.schedule(() => this.restartIfChanged(), GATHER_MS);
  }

  /** Asks anew, for a connection that was changed, or at once after a failure. */
  restart(): void {
    this.stop();
    if (document.hidden || this.listeners.size === 0) return;
    this.query = JSON.stringify(this.wanted());
    const { refresh } = settings();
    if (refresh === 'off') return this.show('off');
    if (refresh === 'live' && Date.now() >= this.streamAgainAtMs) return this.listen();
    void this.poll();
  }

  private restartIfChanged(): void {
    const wanted = JSON.stringify(this.wanted());
    if (wanted !== this.query || (!this.source && !this.asking)) this.restart();
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.source?.close();
    this.asking?.abort();
    this.source = this.asking = undefined;
  }

  private listen(): void {
    this.show('connecting');
    const source = new EventSource(addressOf(READS.live, { ...this.wanted() }));
    this.source = source;
    source.addEventListener('tick', (event: MessageEvent<string>) => {
      this.failures = 0;
      this.receive(JSON.parse(event.data) as LiveMessage, 'live');
    });
    source.addEventListener('error', () => {
      if (this.source !== source) return;
      this.failures += 1;
      // Closed for good: the answer was no stream. Else the browser connects again by itself.
      const isClosed = source.readyState === EventSource.CLOSED;
      if (!isClosed && this.failures < MOST_FAILURES) return this.show('connecting');
      this.streamAgainAtMs = Date.now() + TRY_AGAIN_MS;
      this.restart();
    });
  }

  private async poll(): Promise<void> {
    const asking = new AbortController();
    this.asking = asking;
    try {
      const message = await read<LiveMessage>(READS.liveOnce, { ...this.wanted() }, asking.signal);
      this.receive(message, 'polling');
    } catch {
      if (asking.signal.aborted) return;
      this.show('lost');
    }
    const seconds = Number(settings().refresh);
    this.schedule(() => this.restart(), Number.isNaN(seconds) ? POLL_MS : seconds * 1_000);
  }

  private receive(message: LiveMessage, status: LiveStatus): void {
    noteServerTime(message.nowMs);
    this.state = { status, message };
    this.tell();
  }

  private show(status: LiveStatus): void {
    if (this.state.status === status) return;
    this.state = { ...this.state, status };
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }

  private schedule(act: () => void, afterMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(act, afterMs);
  }

  private wanted(): LiveInterest {
    const all = [...this.interests.values()];
    const queue = [...new Set(all.flatMap((interest) => interest.queue ?? []))].sort().slice(0, 200);
    const task = all.find((interest) => interest.taskId !== undefined);
    return { queue, taskQueue: task?.taskQueue, taskId: task?.taskId };
  }
}

export const liveFeed = new LiveFeed();

/** The last message of the server and how it came; with an interest also about those queues or that task. */
export function useLive(interest?: LiveInterest): LiveState {
  const key = useId();
  const wanted = interest && JSON.stringify(interest);
  useEffect(() => {
    if (wanted === undefined) return undefined;
    liveFeed.setInterest(key, JSON.parse(wanted) as LiveInterest);
    return () => liveFeed.setInterest(key, undefined);
  }, [key, wanted]);
  return useSyncExternalStore(liveFeed.subscribe, liveFeed.getState);
}
