import { once } from 'node:events';
import process from 'node:process';
import type { Inspector } from '@nestjs-asynq/core';
import { render } from 'ink';
import { UsageError } from '../usage.error.js';
import { Dash } from './dash.js';
import { DashScreen } from './views/dash-screen.js';

/** The alternate screen preserves the content of the terminal. */
const ENTER_SCREEN = '\u001B[?1049h\u001B[H';
const LEAVE_SCREEN = '\u001B[?1049l';

interface DashOptions {
  readonly refreshMs: number;
  readonly nowMs: () => number;
}

/** Shows the dashboard until the user quits. The terminal is then restored, even after an error or SIGTERM. */
export async function openDash(inspector: Inspector, { refreshMs, nowMs }: DashOptions): Promise<void> {
  const { stdin, stdout } = process;
  if (!stdin.isTTY) throw new UsageError('dash needs a keyboard');
  const listeners = new Set<() => void>();
  const ending = new AbortController();
  const end = (): void => ending.abort();
  const dash = new Dash({
    inspector,
    nowMs,
    lines: stdout.rows,
    columns: stdout.columns,
    onChange: () => listeners.forEach((changed) => changed()),
    onQuit: end,
  });
  const onResize = (): void => void dash.resize(stdout.rows, stdout.columns);
  const timer = setInterval(() => void dash.tick(), refreshMs);
  stdout.on('resize', onResize);
  // Not `once`: ink would end the process at the signal if no listener were left.
  for (const signal of SIGNALS) process.on(signal, end);

  stdout.write(ENTER_SCREEN);
  const subscribe = (changed: () => void): (() => void) => {
    listeners.add(changed);
    return () => void listeners.delete(changed);
  };
  const screen = render(<DashScreen dash={dash} subscribe={subscribe} />, { exitOnCtrlC: false });
  void dash.refresh();
  try {
    // The screen ends by itself only when drawing it fails.
    await Promise.race([once(ending.signal, 'abort'), screen.waitUntilExit()]);
  } finally {
    clearInterval(timer);
    stdout.off('resize', onResize);
    for (const signal of SIGNALS) process.off(signal, end);
    screen.unmount();
    stdout.write(LEAVE_SCREEN);
  }
}

const SIGNALS = ['SIGTERM', 'SIGHUP'] as const;
