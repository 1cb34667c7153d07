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

/** Of a chain of causes, which may be circular. */
const DEEPEST = 4;
/** Of the errors that one error gathers. */
const MOST_GATHERED = 4;

function textOf(thrown: unknown, depth = 0): string {
  if (thrown instanceof Error) return errorMessage(thrown, depth);
  if (typeof thrown !== 'object' || thrown === null) return asText(thrown);
  const { message } = thrown as { readonly message?: unknown };
  if (typeof message === 'string' && message !== '') return withCode(message, thrown);
  const text = thrown instanceof Date || Array.isArray(thrown) ? inspected(thrown) : asText(thrown);
  return text.startsWith('[object ') ? inspected(thrown) : text;
}

/** An error without a text, such as one that gathers others, is described by those, its cause, or its code and class. */
function errorMessage(error: Error, depth: number): string {
  const message: unknown = error.message;
  const isObject = typeof message === 'object' && message !== null;
  const text = isObject ? inspected(message) : asText(message);
  if (text === LOST_OBJECT) return `${error.name} with an object as its message, which is lost: pass a text`;
  if (text !== '' || depth >= DEEPEST) return text || asText(error.name);
  const { errors, cause, code } = error as {
    readonly errors?: unknown;
    readonly cause?: unknown;
    readonly code?: unknown;
  };
  if (Array.isArray(errors) && errors.length > 0) {
    const texts = errors.slice(0, MOST_GATHERED).map((one: unknown) => textOf(one, depth + 1));
    return [...new Set(texts)].join('; ') + (errors.length > MOST_GATHERED ? '; …' : '');
  }
  if (cause !== undefined && cause !== null) return `${asText(error.name)}: ${textOf(cause, depth + 1)}`;
  return typeof code === 'string' && code !== '' ? code : asText(error.name);
}

/** What `new Error({ code: 1 })` makes of its argument. */
const LOST_OBJECT = '[object Object]';

/** `{ code: 'E1', message: 'boom' }`, as clients of RPC throw. */
function withCode(message: string, { code }: { readonly code?: unknown }): string {
  const isShown = (typeof code === 'string' && code !== '') || typeof code === 'number';
  return isShown && !message.includes(String(code)) ? `${message} (${code})` : message;
}

const inspected = (value: object): string => inspect(value, { depth: 1, breakLength: Infinity });

/** Despite its type, a message may be a symbol. */
const asText = (value: unknown): string => String(value);

function cut(text: string): string {
  const head = text.slice(0, LONGEST_ERROR_BYTES + 1).toWellFormed(); // a character has at least one byte
  if (Buffer.byteLength(head) <= LONGEST_ERROR_BYTES) return head;
  const room = new Uint8Array(LONGEST_ERROR_BYTES - Buffer.byteLength(CUT_MARK));
  const { read } = new TextEncoder().encodeInto(head, room); // ends between two characters
  return head.slice(0, read) + CUT_MARK;
}
