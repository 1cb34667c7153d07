import type { Content } from '../api/tasks.js';
import { type Redactor } from './redactor.js';
import { HIDDEN } from './redacted-fields.js';

/** Makes text for people out of bytes. Errors are logged, and the bytes are shown as they are. */
export type Formatter = (type: string, bytes: Uint8Array) => string | undefined;

/** Content, and the values that are hidden in it. */
export interface ShownContent {
  readonly content: Content;
  readonly secrets: readonly string[];
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of bytes; `undefined`: they are none. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Bytes for people: hidden first, then cut.
 * @param formatted what a formatter made of them
 */
export async function showContent(
  bytes: Uint8Array,
  redactor: Redactor,
  most: number,
  formatted: string | undefined,
): Promise<ShownContent> {
  await redactor.turn(bytes.length);
  const text = textOf(bytes);
  const shown = formatted === undefined ? undefined : await redactor.text(formatted);
  const extra = shown && { formatted: cut(shown.text, most) };
  if (text === undefined) {
    const content = showBytes(bytes, redactor, most);
    return { content: { ...content, ...extra }, secrets: shown?.secrets ?? [] };
  }
  const redacted = await redactor.text(text);
  const data = cut(redacted.text, most);
  const isCut = data.length < redacted.text.length;
  const content: Content = {
    encoding: 'text',
    data,
    bytes: bytes.length,
    isCut,
    isRedacted: redacted.isRedacted || shown?.isRedacted === true,
    ...extra,
  };
  return { content, secrets: [...redacted.secrets, ...(shown?.secrets ?? [])] };
}

/** Bytes that are no text cannot be searched for fields: if any are to be hidden, all of them are. */
function showBytes(bytes: Uint8Array, redactor: Redactor, most: number): Content {
  if (!redactor.isIdle) {
    return { encoding: 'text', data: HIDDEN, bytes: bytes.length, isCut: false, isRedacted: true };
  }
  const { buffer, byteOffset, length } = bytes;
  const data = Buffer.from(buffer, byteOffset, Math.min(length, most)).toString('base64');
  return { encoding: 'base64', data, bytes: length, isCut: length > most, isRedacted: false };
}

/** At most this many UTF-16 units, ending at a whole character. */
export function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const end = text.slice(0, most);
  return end.isWellFormed() || !text.isWellFormed() ? end : end.slice(0, -1);
}
