import { inspect } from 'node:util';

/** Maximum length of an error's text in UTF-8: it is stored with its task, and every listing reads it. */
export const LONGEST_ERROR_BYTES = 64 * 1024;

const CUT_MARK = ' … (cut)';
const UNREADABLE = 'an error that cannot be read';

/**
 * The message of a thrown value, in valid Unicode and cut at {@link LONGEST_ERROR_BYTES}. Never throws, not even for a
 * value that throws when it is accessed.
 */
export function errorText(thrown: unknown): string {
  try {
    return cut(textOf(thrown)) || UNREADABLE;
  } catch {
    return UNREADABLE;
  }
}

function textOf(thrown: unknown): string {
  if (thrown instanceof Error) return asText(thrown.message) || asText(thrown.name);
  if (typeof thrown !== 'object' || thrown === null) return asText(thrown);
  const { message } = thrown as { readonly message?: unknown };
  if (typeof message === 'string' && message !== '') return message;
  const text = asText(thrown);
  return text.startsWith('[object ') ? inspect(thrown, { depth: 1, breakLength: Infinity }) : text;
}

/** Despite its type, a message may be a symbol. */
const asText = (value: unknown): string => String(value);

function cut(text: string): string {
  const head = text.slice(0, LONGEST_ERROR_BYTES + 1).toWellFormed(); // a character has at least one byte
  if (Buffer.byteLength(head) <= LONGEST_ERROR_BYTES) return head;
  const room = new Uint8Array(LONGEST_ERROR_BYTES - Buffer.byteLength(CUT_MARK));
  const { read } = new TextEncoder().encodeInto(head, room); // ends between two characters
  return head.slice(0, read) + CUT_MARK;
}
