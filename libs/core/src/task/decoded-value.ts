import { checkDecoded, decodeCopy, type PayloadCodec } from './payload-codec.js';

/**
 * Adds a property that decodes bytes when it is read: `undefined` for none, and for bytes that do not decode. Logs, JSON and
 * comparisons do not see it, because what it holds may be secret or large.
 */
export function addDecoded<Target extends object>(
  target: Target,
  name: string & keyof Target,
  bytes: Uint8Array | undefined,
  codec: PayloadCodec,
): Target {
  return Object.defineProperty(target, name, { enumerable: false, get: () => decoded(bytes, codec) });
}

function decoded(bytes: Uint8Array | undefined, codec: PayloadCodec): unknown {
  if (bytes === undefined) return undefined;
  try {
    return checkDecoded(decodeCopy(codec, bytes));
  } catch {
    return undefined; // the bytes beside it tell more
  }
}
