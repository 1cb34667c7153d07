// Imported, so that a test's fake timers, which replace the globals, do not block calls.
import { setImmediate } from 'node:timers';
import { RedisCommandError } from '../../errors/redis-command.error.js';
import type { Script, ScriptArgs, ScriptKeys } from '../../scripts/script.js';
import { anyExist } from './existing-keys.js';
import { type KeyedCommand, type OnReply, sendPipelined } from './node-pipelines.js';
import type { RedisClient } from './redis-connection.js';
import { isDemoted, isUnknownScript } from './redis-failure.js';
import type { RedisLink } from './redis-link.js';

interface Call<Item> {
  /** Of the command or script, for errors. */
  readonly name: string;
  readonly item: Item;
  readonly resolve: (reply: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Commands and small scripts, each of one slot, sent together with the others of the same turn of the event loop: a server
 * of many queues does the same for each of them. Each call succeeds or fails by itself.
 */
export class JoinedCommands {
  private readonly commands: Turns<KeyedCommand>;
  private readonly looks: Turns<readonly string[]>;

  constructor(private readonly redis: RedisLink) {
    this.commands = new Turns(redis, sendPipelined);
    this.looks = new Turns(redis, anyExist);
  }

  /**
   * @param addTo adds one command
   * @throws {RedisCommandError} Redis failed
   */
  send(name: string, key: string, addTo: KeyedCommand['addTo']): Promise<unknown> {
    return this.commands.join(name, { key, addTo });
  }

  /**
   * Runs a script that may run twice. Each pipeline sends its text once.
   * @throws {RedisCommandError} Redis failed
   */
  async run<Keys extends ScriptKeys, Args extends ScriptArgs, Item extends ScriptArgs>(
    script: Script<Keys, Args, Item>,
    keys: Keys,
    args: Args,
  ): Promise<unknown> {
    const flatKeys = script.flattenKeys(keys);
    const values = [flatKeys.length, ...flatKeys, ...script.flattenArgs(args, []).map(String)] as const;
    const { lua, sha1 } = this.redis.scriptForm(script, flatKeys.length);
    try {
      return await this.send(script.name, flatKeys[0]!, (pipeline, loaded) => {
        if (sha1 !== undefined && loaded.has(sha1)) return pipeline.evalsha(sha1, ...values);
        if (sha1 !== undefined) loaded.add(sha1);
        return pipeline.eval(lua, ...values);
      });
    } catch (error) {
      if (!(error instanceof RedisCommandError) || (error.isTransient && !isUnknownScript(error.cause))) throw error;
      return this.redis.run(script, keys, args); // in a form that the server accepts
    }
  }

  /**
   * Whether any of these keys of a queue exists.
   * @throws {RedisCommandError} Redis failed
   */
  exists(keys: readonly string[]): Promise<boolean> {
    return this.looks.join('EXISTS', keys) as Promise<boolean>;
  }
}

/** Collects what is asked in one turn of the event loop. */
class Turns<Item> {
  private calls: Call<Item>[] = [];

  constructor(
    private readonly redis: RedisLink,
    private readonly sendAll: (client: RedisClient, items: readonly Item[], onReply: OnReply) => Promise<void>,
  ) {}

  join(name: string, item: Item): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.calls.push({ name, item, resolve, reject });
      if (this.calls.length === 1) setImmediate(() => void this.leave());
    });
  }

  /** Never rejects. */
  private async leave(): Promise<void> {
    const { calls } = this;
    this.calls = [];
    try {
      await this.redis.command(calls[0]!.name, (client) => this.send(client, calls));
    } catch (error) {
      for (const { reject } of calls) reject(error); // it could not be sent; settled ones stay as they are
    }
  }

  /** @throws {Error} the server is no longer a master */
  private async send(client: RedisClient, calls: readonly Call<Item>[]): Promise<void> {
    let demotion: Error | undefined;
    const items = calls.map(({ item }) => item);
    await this.sendAll(client, items, (place, reply) => {
      const { name, resolve, reject } = calls[place]!;
      if (!(reply instanceof Error)) return resolve(reply as never);
      if (isDemoted(reply)) demotion = reply;
      this.redis.toError(name, reply, client, undefined, true).then(reject, reject);
    });
    if (demotion) throw demotion; // all calls are settled by then, or about to be
  }
}
