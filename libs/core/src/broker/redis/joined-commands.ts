import { RedisCommandError } from '../../errors/redis-command.error.js';
import { joinSettled, type Settle } from '../../runtime/join-calls.js';
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
}

type SendAll<Item> = (client: RedisClient, items: readonly Item[], onReply: OnReply) => Promise<void>;

/**
 * Commands and small scripts, each of one slot, sent together with the others of the same turn of the event loop: a server
 * of many queues does the same for each of them. Each call succeeds or fails by itself.
 */
export class JoinedCommands {
  private readonly commands: (call: Call<KeyedCommand>) => Promise<unknown>;
  private readonly looks: (call: Call<readonly string[]>) => Promise<unknown>;

  constructor(private readonly redis: RedisLink) {
    this.commands = this.joined(sendPipelined);
    this.looks = this.joined(anyExist);
  }

  /**
   * @param addTo adds one command
   * @throws {RedisCommandError} Redis failed
   */
  send(name: string, key: string, addTo: KeyedCommand['addTo']): Promise<unknown> {
    return this.commands({ name, item: { key, addTo } });
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
    return this.looks({ name: 'EXISTS', item: keys }) as Promise<boolean>;
  }

  private joined<Item>(sendAll: SendAll<Item>): (call: Call<Item>) => Promise<unknown> {
    const join = joinSettled<Call<Item>, unknown>((calls, settle) => {
      this.redis
        .command(calls[0]!.name, (client) => this.sendTogether(sendAll, client, calls, settle))
        // It could not be sent; settled ones stay as they are.
        .catch((error: unknown) => calls.forEach((_, place) => settle.reject(place, error)));
    });
    return async (call) => (await join([call]))[0];
  }

  /** @throws {Error} the server is no longer a master */
  private async sendTogether<Item>(
    sendAll: SendAll<Item>,
    client: RedisClient,
    calls: readonly Call<Item>[],
    settle: Settle<unknown>,
  ): Promise<void> {
    let demotion: Error | undefined;
    const items = calls.map(({ item }) => item);
    await sendAll(client, items, (place, reply) => {
      if (!(reply instanceof Error)) return settle.resolve(place, reply);
      if (isDemoted(reply)) demotion = reply;
      const reject = (error: unknown): void => settle.reject(place, error);
      this.redis.toError(calls[place]!.name, reply, client, undefined, true).then(reject, reject);
    });
    if (demotion) throw demotion; // all calls are settled by then, or about to be
  }
}
