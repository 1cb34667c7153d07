import { randomUUID } from 'node:crypto';
import { jsonCodec, type PayloadCodec, refusePromise } from './payload-codec.js';

/** Prefix of a whole number that is temporarily written as text; random, so that no payload contains it. */
const MARK = `int64:${randomUUID()}:`;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g');

/** A number beyond 2^53 has at least this many digits. */
const MANY_DIGITS = /\d{16}/;
const WHOLE_NUMBER = /-?(?:0|[1-9]\d*)(?![\d.eE+-])/y;
const ANY_NUMBER = /-?\d[\d.eE+-]*/y;

/**
 * JSON like {@link jsonCodec}, except for whole numbers that a JavaScript number cannot represent, such as a Go `int64`
 * above 2^53: they become a `BigInt` instead of the nearest number, and a `BigInt` is written in digits.
 *
 * @throws {TypeError} a value has no JSON form (a function, a symbol, a cycle)
 * @throws {SyntaxError} the bytes are not JSON
 */
export const int64Codec: PayloadCodec = {
  encode(payload) {
    let hasBigInt = false;
    const text = JSON.stringify(payload, (name, value: unknown) => {
      if (typeof value !== 'bigint') return refusePromise(name, value);
      hasBigInt = true;
      return MARK + value.toString();
    }) as string | undefined;
    if (text === undefined || !hasBigInt) return jsonCodec.encode(payload);
    return Buffer.from(text.replace(MARKED, '$1'), 'utf8');
  },

  decode(bytes) {
    const text = Buffer.from(bytes).toString('utf8');
    if (!MANY_DIGITS.test(text)) return jsonCodec.decode(bytes);
    try {
      return JSON.parse(markUnsafe(text), (_name, value: unknown) =>
        typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value,
      ) as unknown;
    } catch {
      return jsonCodec.decode(bytes); // throws an error that does not quote the input
    }
  },
};

/** Replaces every whole number beyond 2^53 in a JSON text by a marked string. Leaves strings unchanged. */
function markUnsafe(json: string): string {
  let marked = '';
  let from = 0;
  for (let at = 0; at < json.length;) {
    const character = json.charCodeAt(at);
    if (character === QUOTE) at = endOfText(json, at);
    else if (!isNumberStart(character)) at += 1;
    else {
      const end = endOf(ANY_NUMBER, json, at);
      if (endOf(WHOLE_NUMBER, json, at) === end && !Number.isSafeInteger(Number(json.slice(at, end)))) {
        marked += `${json.slice(from, at)}"${MARK}${json.slice(at, end)}"`;
        from = end;
      }
      at = end;
    }
  }
  return marked + json.slice(from);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** The index after the closing quote of the string that begins at `from`; the end of the text when there is none. */
function endOfText(json: string, from: number): number {
  for (let quote = json.indexOf('"', from + 1); quote >= 0; quote = json.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (json.charCodeAt(quote - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return json.length;
}

const isNumberStart = (character: number): boolean => character === 0x2d || (character >= 0x30 && character <= 0x39);

/** The end of the match that begins at `at`; `at + 1` when there is none. */
function endOf(pattern: RegExp, json: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(json) ? pattern.lastIndex : at + 1;
}
