import { errorText } from '../errors/error-text.js';
import { dropPromise } from '../runtime/user-callback.js';

/**
 * Turns a payload into the bytes of the wire and back. Both methods are synchronous: a promise is refused. The default must
 * stay readable for Go workers.
 */
export interface PayloadCodec {
  encode(payload: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** Encodes a value. @throws what the codec throws, and a `TypeError` when it does not return bytes */
export function encodeWith(codec: PayloadCodec, value: unknown): Uint8Array {
  const bytes: unknown = codec.encode(value);
  if (bytes instanceof Uint8Array) return bytes;
  throw new TypeError(
    `codec.encode returned ${dropPromise(bytes) ? 'a promise' : `a ${typeof bytes}`}, not a Uint8Array`,
  );
}

/**
 * JSON in UTF-8, as Go's examples do. `undefined` becomes no bytes, no bytes become `undefined`.
 * @throws {TypeError} the value has no JSON form (a function, a symbol, a BigInt, a cycle)
 * @throws {SyntaxError} the bytes are not JSON; the message does not quote them
 */
export const jsonCodec: PayloadCodec = {
  encode(payload) {
    if (payload === undefined) return new Uint8Array();
    const text = JSON.stringify(payload) as string | undefined;
    if (text === undefined) throw new TypeError(`a ${typeof payload} has no JSON form`);
    return Buffer.from(text, 'utf8');
  },
  decode(bytes) {
    if (bytes.length === 0) return undefined;
    try {
      return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown;
    } catch (error) {
      throw new SyntaxError(withoutQuotedJson((error as SyntaxError).message)); // without the cause, which quotes it too
    }
  },
};

/** The stored error of a task whose payload a codec refused. */
export const undecodable = (error: unknown): string =>
  errorText(`payload does not decode: ${withoutQuotedJson(errorText(error))}`);

/** The text of an error without what `JSON.parse` quotes of its input: that may be a password, and the text is logged. */
function withoutQuotedJson(text: string): string {
  return text.replace(/(?:Unexpected token [^]*?, )?(?:\.{3})?"[^]*"(?:\.{3})? is not valid JSON/, 'not valid JSON');
}
