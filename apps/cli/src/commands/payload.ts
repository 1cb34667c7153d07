import type { Context } from '../context.js';
import { textOf } from '../output/cells.js';

/** Warns about a payload that was probably meant as JSON, and is none: its handler will fail on it. */
export function checkPayload(context: Context, bytes: Uint8Array): void {
  const text = textOf(bytes)?.trim();
  if (text === undefined || !/^[[{"]/.test(text)) return;
  try {
    JSON.parse(text);
  } catch (error) {
    // The rest of the message may quote the payload.
    const at = /position (\d+)/.exec(String(error))?.[1];
    const where = at === undefined ? '' : `: see character ${Number(at) + 1}`;
    context.warn(`the payload looks like JSON, but is not${where}`);
  }
}
