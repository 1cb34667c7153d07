import process from 'node:process';
import type { TaskState } from '@nestjs-asynq/core';

/** The style of a text on the terminal; without colors if `NO_COLOR` is set (https://no-color.org). */
export interface Style {
  readonly color?: string;
}

export function colored(color: string): Style {
  return usesColor() ? { color } : {};
}

/** The bar of a state: distinguished by its color, otherwise by its character. */
export function barStyle(state: TaskState): Style & { readonly fill: string } {
  const { color, letter } = STYLES[state];
  return usesColor() ? { color, fill: '█' } : { fill: letter };
}

const usesColor = (): boolean => !process.env['NO_COLOR'];

const STYLES: Readonly<Record<TaskState, { readonly color: string; readonly letter: string }>> = {
  active: { color: 'blue', letter: '█' },
  pending: { color: 'green', letter: '▒' },
  aggregating: { color: 'cyan', letter: 'g' },
  scheduled: { color: 'yellow', letter: 's' },
  retry: { color: 'magenta', letter: 'r' },
  archived: { color: 'red', letter: 'a' },
  completed: { color: 'gray', letter: 'c' },
};
