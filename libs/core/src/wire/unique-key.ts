import { hash } from 'node:crypto';
import { keys } from './keys.js';

/**
 * Name of the lock that refuses a second equal task. With `explicitKey` the lock is for that text; without, for the
 * bytes of the payload, as in Go.
 *
 * Go's lock for a missing payload differs from its lock for an empty one, though both look the same on the wire:
 * `undefined` is Go's nil, a `Uint8Array` of length 0 its empty slice.
 */
export function uniqueKey(queue: string, type: string, payload: Uint8Array | undefined, explicitKey?: string): string {
  const content = explicitKey ?? payload;
  return `${keys.uniquePrefix(queue)}${type}:${content === undefined ? '' : hash('md5', content)}`;
}
