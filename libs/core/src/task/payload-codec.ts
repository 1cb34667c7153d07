// Imported, since the global is a getter, which costs more than a short copy.
import { Buffer } from 'node:buffer';
import { errorText } from '../errors/error-text.js';
import { MessageDecodeError } from '../errors/message-decode.error.js';
import { dropPromise } from '../runtime/user-callback.js';

/**
 * Encodes payloads to the bytes on the wire and decodes them. Both methods are synchronous: a promise is refused. Go
 * workers must be able to read the default.
 */
export interface PayloadCodec {
  encode(payload: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/** Encodes a value. @throws the codec's errors, and a `TypeError` when it does not return bytes */
export function encodeWith(codec: PayloadCodec, value: unknown): Uint8Array {
  const bytes: unknown = codec.encode(value);
  if (bytes instanceof Uint8Array) return bytes;
  throw ownError(
    new TypeError(`codec.encode returned ${dropPromise(bytes) ? 'a promise' : `a ${typeof bytes}`}, not a Uint8Array`),
  );
}

/**
 * Decodes bytes that are needed later, too. A user's codec gets a copy: what it returns may be a view into it, which a
 * handler may overwrite, or transfer to another thread.
 */
export function decodeCopy(codec: PayloadCodec, bytes: Uint8Array): unknown {
  return codec.decode(codec === jsonCodec ? bytes : new Uint8Array(bytes));
}

/** What a codec has decoded, unchanged. @throws {TypeError} it is a promise: the codec is at fault, not the bytes */
export function checkDecoded(decoded: unknown): unknown {
  if (dropPromise(decoded)) throw new TypeError('codec.decode returned a promise, not a payload');
  return decoded;
}

/**
 * A result, decoded; the bytes themselves if they are no JSON: a handler, in Go or here, may have returned an image.
 * @throws {MessageDecodeError} a codec of the user's own cannot decode it
 */
export function decodeResult(codec: PayloadCodec, bytes: Uint8Array): unknown {
  try {
    return checkDecoded(codec.decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError && ownErrors.has(error)) return bytes;
    throw new MessageDecodeError('the result of a task', { cause: new Error(codecErrorText(error)) });
  }
}

/**
 * JSON in UTF-8, as Go's examples do. `undefined` becomes no bytes, no bytes become `undefined`.
 * @throws {TypeError} the value has no JSON form (a function, a symbol, a BigInt, a cycle)
 * @throws {SyntaxError} the bytes are not JSON; the message does not quote them
 */
export const jsonCodec: PayloadCodec = {
  encode(payload) {
    if (payload === undefined) return new Uint8Array();
    const text = stringify(payload);
    if (text === undefined) throw ownError(new TypeError(`a ${typeof payload} has no JSON form`));
    return Buffer.from(text, 'utf8');
  },
  decode(bytes) {
    if (bytes.length === 0) return undefined;
    try {
      return JSON.parse(utf8Text(bytes)) as unknown;
    } catch (error) {
      throw ownError(new SyntaxError(withoutQuotedJson((error as SyntaxError).message))); // without the cause, which quotes it too
    }
  },
};

/** The payloads of a fetch share their memory: a view of it is kept, unless it is large. */
let lastMemory: Buffer = Buffer.alloc(0);
const MOST_KEPT_BYTES = 1 << 20;

function utf8Text({ buffer, byteOffset, byteLength }: Uint8Array): string {
  const memory = lastMemory.buffer === buffer ? lastMemory : Buffer.from(buffer);
  if (memory.length <= MOST_KEPT_BYTES) lastMemory = memory;
  return memory.toString('utf8', byteOffset, byteOffset + byteLength);
}

/** The last error of a task whose payload does not decode. */
export const undecodable = (error: unknown): string => errorText(`payload does not decode: ${codecErrorText(error)}`);

/** Errors whose texts are known to contain no payload. */
const ownErrors = new WeakSet<Error>();

function ownError<Kind extends Error>(error: Kind): Kind {
  ownErrors.add(error);
  return error;
}

/**
 * The text for an error thrown by a codec, for logs and stored errors. An error of a user's codec or `toJSON` may
 * contain the payload, so the text has only its class.
 */
export function codecErrorText(thrown: unknown): string {
  if (thrown instanceof Error && ownErrors.has(thrown)) return errorText(thrown);
  return `the codec threw ${errorName(thrown)}`;
}

function errorName(thrown: unknown): string {
  try {
    const name: unknown = thrown instanceof Error ? thrown.constructor.name : undefined;
    return typeof name === 'string' && /^\w{1,80}$/.test(name) ? `an error of class ${name}` : 'no error object';
  } catch {
    return 'an error that cannot be read';
  }
}

/** How V8 describes what it cannot stringify; it adds names of classes and properties. */
const NO_JSON = /^(?:Converting circular structure to JSON|Do not know how to serialize a BigInt)/;

function stringify(payload: unknown): string | undefined {
  try {
    return JSON.stringify(payload, hasToJson(payload) ? refusePromise : undefined);
  } catch (error) {
    const [known] = (error instanceof TypeError && NO_JSON.exec(error.message)) || [];
    throw known === undefined ? error : ownError(new TypeError(known));
  }
}

const hasToJson = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as { toJSON?: unknown }).toJSON === 'function';

/** A promise would become `{}`, and its rejection would end the process. */
export function refusePromise(_name: string, value: unknown): unknown {
  if (dropPromise(value)) throw ownError(new TypeError('a promise has no JSON form'));
  return value;
}

/** Removes the input that `JSON.parse` quotes in its error texts: it may contain a password, and the text is logged. */
function withoutQuotedJson(text: string): string {
  return text.replace(/(?:Unexpected token [^]*?, )?(?:\.{3})?"[^]*"(?:\.{3})? is not valid JSON/, 'not valid JSON');
}
