import { oneLine } from './cells.js';

/** What a node of a cluster did not answer. */
export const unanswered = (part: string, error: unknown): Error =>
  new Error(`no answer about ${part}: ${error instanceof Error ? error.message : String(error)}`);

/** `error: …` on one line. */
export function errorLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.replaceAll(/(?<=:)\n\s*/g, ' ').replaceAll('\n', '; ');
  return `error: ${oneLine(line)}${hintFor(message)}`;
}

/** What a message of Redis means for the command line: a connection to a cluster would have followed `MOVED`. */
const hintFor = (message: string): string =>
  /\bMOVED \d+ /.test(message) ? '; this is a node of a Redis Cluster: add --cluster' : '';
