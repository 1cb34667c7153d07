import { expect } from 'vitest';
import type { CommandResult } from '../support/asynq-command.js';
import { dayAgo } from './command-state.js';
import { ADDED, ERRORS, REWORDED, REWORDED_WHEN_EMPTY, SORTED, WARNED } from './command-differences.js';
import type { CommandLine } from './command-lines.js';

/**
 * The output of a command line: lines with two blanks between the cells of a row, and placeholders for volatile values.
 */
export interface Printed {
  readonly args: CommandLine;
  readonly status: number | null;
  readonly lines: readonly string[];
}

/** The actual or expected output of ours. */
export interface Shown extends CommandResult {
  readonly line: string;
}

/** Asynq's command or ours. */
export interface Command {
  run(...args: CommandLine): Promise<CommandResult>;
}

/** Runs command lines one after the other. */
export async function printedBy(command: Command, lines: readonly CommandLine[]): Promise<Printed[]> {
  const printed: Printed[] = [];
  for (const args of lines) {
    const { status, stdout } = await command.run(...args);
    printed.push({ args, status, lines: readLines(args, stdout) });
  }
  return printed;
}

/** The expected output of ours for this output of asynq's. */
export function expectedOfUs(theirs: Printed, isEmpty = false): Shown {
  const line = theirs.args.join(' ');
  const error = ERRORS.find(([command]) => command === line);
  if (error) return { line, status: error[1], stdout: '', stderr: oneLineWith(error[2]) };
  const reworded = [...REWORDED, ...(isEmpty ? REWORDED_WHEN_EMPTY : [])].filter(({ command }) =>
    line.startsWith(command),
  );
  const text = reworded.reduce(
    (shown, { theirs: from, ours: to }) => shown.replaceAll(from, to),
    theirs.lines.join('\n'),
  );
  const warned = WARNED.find(({ command }) => command === line);
  const stderr = warned ? (expect.stringMatching(warned.ours) as string) : '';
  return { line, status: theirs.status, stdout: text, stderr };
}

/** One error line that contains this text. */
const oneLineWith = (text: string): string =>
  expect.stringMatching(new RegExp(`^error: .*${text.replaceAll(/[^\w ]/g, String.raw`\$&`)}.*\n$`)) as string;

/** The actual output of ours, to be compared with it. */
export function shownByUs(args: CommandLine, { status, stdout, stderr }: CommandResult): Shown {
  const line = args.join(' ');
  const added = ADDED.filter(({ command }) => line.startsWith(command));
  const lines = readLines(args, stdout).filter((shown) => !added.some(({ ours }) => ours.test(shown)));
  return { line, status, stdout: lines.join('\n'), stderr };
}

/** Lines of an output without blank ones. */
export function readLines(args: CommandLine, stdout: string): string[] {
  if (args.includes('--json')) return JSON.stringify(withoutMoments(JSON.parse(stdout)), undefined, 1).split('\n');
  const lines = stdout.split('\n').filter((line) => line.trim() !== '');
  const rows = lines.map((line) => withPlaceholders(line.trimEnd().replaceAll(/ {2,}/g, '  ')));
  return SORTED.some((command) => args.join(' ').startsWith(command)) ? rows.toSorted() : sortQueues(rows);
}

const PLACEHOLDERS: readonly (readonly [RegExp, string])[] = [
  [/\b(in|In) (?:\d+h)?(?:\d+m)?\d+s(?!\w)/g, '$1 <length>'],
  [/(?<!\S)(?:\d+h)?(?:\d+m)?\d+s ago/g, '<length> ago'],
  [/^\d+(?:\.\d+)+ {2}\d+ days {2}\d+(?: {2}[\d.]+[BKMG]B?){2}$/g, '<version>  <n> days  <n>  <size>  <size>'],
];

/** The line with placeholders for durations up to now, days near today and facts about Redis. */
export function withPlaceholders(line: string): string {
  const days = Array.from({ length: 10 }, (_, n) => [dayAgo(n), n === 0 ? '<today>' : `<today-${n}>`] as const);
  const dated = days.reduce((shown, [day, name]) => shown.replaceAll(day, name), line);
  return PLACEHOLDERS.reduce((shown, [pattern, name]) => shown.replaceAll(pattern, name), dated);
}

/** The columns of `Task Count by Queue` by name: asynq prints them in the order of Redis' reply. */
function sortQueues(lines: readonly string[]): string[] {
  const at = lines.indexOf('Task Count by Queue') + 1;
  if (at === 0 || lines[at]?.startsWith('Daily')) return [...lines];
  const [titles, dashes, counts] = [0, 1, 2].map((n) => lines[at + n]!.split('  '));
  const columns = titles!
    .map((title, n) => [title, dashes![n], counts![n]] as const)
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
  const sorted = [0, 1, 2].map((n) => columns.map((column) => column[n]).join('  '));
  return [...lines.slice(0, at), ...sorted, ...lines.slice(at + 3)];
}

/** The output of `stats --json` without values that depend on the moment or on the Redis server. */
function withoutMoments(stats: unknown): object {
  const { aggregate, queues, redis } = stats as {
    aggregate: Record<string, unknown>;
    queues: readonly Record<string, unknown>[] | null;
    redis: Record<string, string>;
  };
  const told = ['redis_version', 'uptime_in_days', 'connected_clients', 'used_memory_human', 'used_memory_peak_human'];
  return {
    aggregate: { ...aggregate, timestamp: formOf(aggregate['timestamp']) },
    queues:
      queues?.toSorted((one, other) => (String(one['Queue']) < String(other['Queue']) ? -1 : 1)).map(withForms) ?? null,
    redis: Object.fromEntries(told.map((name) => [name, typeof redis[name]])),
  };
}

function withForms(queue: Readonly<Record<string, unknown>>): object {
  const { MemoryUsage: memory, Latency: latency, Timestamp: time } = queue;
  const forms = { MemoryUsage: formOf(memory), Latency: latency === 0 ? 0 : formOf(latency), Timestamp: formOf(time) };
  return { ...queue, ...forms };
}

function formOf(value: unknown): string {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return '<whole number>';
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value)) return '<time>';
  return String(value);
}
