import { RedisCommandError } from './redis-command.error.js';

/**
 * A key of ours has the wrong Redis type: another program has written it. Operations that need the key fail until it is
 * renamed or deleted; nothing is lost.
 */
export class KeyTypeError extends RedisCommandError {
  /**
   * @param found Redis type of the key
   * @param needed the expected type
   */
  constructor(
    command: string,
    readonly key: string,
    found: string,
    needed: string,
  ) {
    super(command, false, {
      cause: new Error(`WRONGTYPE ${key} holds a ${found}, not a ${needed}: rename or delete the key`),
    });
  }
}
