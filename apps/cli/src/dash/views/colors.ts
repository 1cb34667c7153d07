import process from 'node:process';
import type { TaskState } from '@nestjs-asynq/core';

/** How something looks on a terminal; without colors as https://no-color.org asks. */
export interface Look {
  readonly color?: string;
}

export function colored(color: string): Look {
  return usesColor() ? { color } : {};
}

/** The bars of a state: told apart by their color, else by what they are made of. */
export function barLook(state: TaskState): Look & { readonly fill: string } {
  const { color, letter } = LOOKS[state];
  return usesColor() ? { color, fill: '█' } : { fill: letter };
}

const usesColor = (): boolean => !process.env['NO_COLOR'];

const LOOKS: Readonly<Record<TaskState, { readonly color: string; readonly letter: string }>> = {
  active: { color: 'blue', letter: '█' },
  pending: { color: 'green', letter: '▒' },
  aggregating: { color: 'cyan', letter: 'g' },
  scheduled: { color: 'yellow', letter: 's' },
  retry: { color: 'magenta', letter: 'r' },
  archived: { color: 'red', letter: 'a' },
  completed: { color: 'gray', letter: 'c' },
};
