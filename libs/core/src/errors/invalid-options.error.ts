import { QueueError } from './queue-error.js';

/** One wrong option: its path (`'queues.critical'`), the value given, and what would be allowed. */
export interface OptionProblem {
  readonly option: string;
  readonly value: unknown;
  readonly allowed: string;
}

/** Options that cannot work, found before anything was written or started. All problems at once. */
export class InvalidOptionsError extends QueueError {
  readonly code = 'INVALID_OPTIONS';

  constructor(readonly problems: readonly OptionProblem[]) {
    super(
      problems
        .map(({ option, value, allowed }) => `option "${option}" is ${show(value)}; allowed: ${allowed}`)
        .join('\n'),
    );
  }
}

function show(value: unknown): string {
  try {
    return describe(value);
  } catch {
    return 'a value that cannot be read';
  }
}

function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : value.toISOString();
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  return String(value);
}
