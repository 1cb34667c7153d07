import { useSyncExternalStore } from 'react';

/** How far the clock of the server is ahead of that of the browser. */
let aheadMs = 0;

/** Differences below this are the way of the answer. */
const TOLERANCE_MS = 1_500;

/** Notes what time it is on the server. */
export function noteServerTime(nowMs: number | undefined): void {
  if (nowMs === undefined) return;
  const difference = nowMs - Date.now();
  aheadMs = Math.abs(difference) < TOLERANCE_MS ? 0 : difference;
}

/** The time on the server: ages do not depend on a clock that somebody has set. */
export const serverNowMs = (): number => Date.now() + aheadMs;

const listeners = new Set<() => void>();
let shownMs = serverNowMs();
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  if (document.hidden) return;
  shownMs = serverNowMs();
  for (const listener of listeners) listener();
}

/** The time on the server, renewed every second while the page is seen. */
export function useNowMs(): number {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      timer ??= setInterval(tick, 1_000);
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        clearInterval(timer);
        timer = undefined;
      };
    },
    () => shownMs,
  );
}
