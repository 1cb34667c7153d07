import type { NewTaskRequest } from '../../../../src/api/tasks.js';

/** The command that enqueues the same task; it knows no headers. */
export function enqueueCommand(request: NewTaskRequest): string {
  const { queue, type, payload, id, maxRetry, timeoutMs, retentionMs, uniqueMs, processAtMs, group } = request;
  const flags: readonly (readonly [string, string | undefined])[] = [
    ['type_name', type],
    ['payload', payload.data],
    ['queue', queue],
    ['id', id],
    ['retry', maxRetry === undefined ? undefined : String(maxRetry)],
    ['timeout', goDuration(timeoutMs)],
    ['retention', goDuration(retentionMs)],
    ['unique', goDuration(uniqueMs)],
    ['process_at', processAtMs === undefined ? undefined : new Date(processAtMs).toISOString()],
    ['group', group],
  ];
  const words = flags.filter(([, value]) => value !== undefined).map(([name, value]) => `--${name}=${value}`);
  return ['asynq', 'task', 'enqueue', ...words.map(quote)].join(' ');
}

const goDuration = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : `${ms / 1_000}s`);

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
