import type { OptionProblem } from '../errors/invalid-options.error.js';
import { isText } from '../runtime/unicode-text.js';

/**
 * The problem of a queue name; `undefined` when it is valid. Must be checked before any key is built: the name becomes
 * the hash tag of all keys of the queue. An empty tag or a brace in it would spread them over Redis Cluster slots, and
 * half a surrogate pair would come back from Redis as another name.
 */
export function queueNameProblem(option: string, value: unknown): OptionProblem | undefined {
  if (isText(value) && !/[{}]/.test(value)) return undefined;
  return { option, value, allowed: 'well-formed text that is not blank and contains no { or }' };
}
