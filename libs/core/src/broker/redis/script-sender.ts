import { createHash } from 'node:crypto';
import { roundedCount, withLiteralKeys } from '../../scripts/literal-keys.js';
import type { Script, ScriptArg, ScriptArgs, ScriptKeys } from '../../scripts/script.js';
import { EncodedCommand } from './encoded-command.js';
import { LoadedScripts } from './loaded-scripts.js';
import type { RedisClient } from './redis-connection.js';
import { isRefusalOf, isUnknownRefusal, isUnknownScript } from './redis-failure.js';
import type { Logger } from '../../runtime/logger.js';

/** A script as it is sent. */
export interface ScriptText {
  readonly name: string;
  readonly lua: string;
}

/** What is sent for a script: its SHA, or its text when the server does not know it by that. */
interface ScriptForm {
  readonly lua: string;
  readonly sha1: string | undefined;
}

type SentScript = Pick<Script<ScriptKeys, ScriptArgs, ScriptArgs>, 'name' | 'lua' | 'sha1'>;
type Args = readonly ScriptArg[];

/** Sends scripts in a form that the server accepts: by SHA or as text, with keys in variables or as literals. */
export class ScriptSender {
  /** The server does not support EVALSHA, or a proxy rewrites scripts. */
  private sendsTexts: boolean;
  /** Every key of a command is `KEYS[<number>]` in the text. */
  private hasLiteralKeys = false;
  /** Whether the server requires this, once it has refused a script with an unknown text. */
  private literalKeysWanted: Promise<boolean> | undefined;
  private readonly loaded = new LoadedScripts();
  private readonly literalTexts = new Map<string, { readonly lua: string; readonly sha1: string }>();

  constructor(
    private readonly log: { readonly logger: Logger; logRefusal(message: string): void },
    private readonly prepareScript: ((script: ScriptText) => string) | undefined,
  ) {
    this.sendsTexts = prepareScript !== undefined;
  }

  /** Not async, nor are the functions below: each would add a promise to every call, and most succeed at once. */
  send(client: RedisClient, script: SentScript, keys: readonly string[], args: Args): Promise<unknown> {
    const form = this.formOf(script, keys.length);
    const { sha1 } = form;
    const known = sha1 === undefined || this.loaded.of(client, sha1, keys[0]!);
    if (known === true) return this.sendForm(client, script, form, keys, args, false);
    if (known) return known.then(() => this.send(client, script, keys, args)); // perhaps in another form by then
    return this.loaded.during(client, sha1, keys[0]!, this.sendForm(client, script, form, keys, args, true));
  }

  /** @param isFirst no other call uses the script on this node meanwhile */
  private sendForm(
    client: RedisClient,
    script: SentScript,
    form: ScriptForm,
    keys: readonly string[],
    args: Args,
    isFirst: boolean,
  ): Promise<unknown> {
    const hadLiteralKeys = this.hasLiteralKeys;
    return runScript(client, form, keys, args, async (error) => {
      try {
        return await this.sendText(client, form, keys, args, { error, isFirst });
      } catch (failure) {
        if (hadLiteralKeys || !(await this.turnsToLiteralKeys(client, keys[0]!, failure))) throw failure;
        return this.send(client, script, keys, args);
      }
    });
  }

  /** The form for a pipeline: its text and, if the server knows a script by that after its first call, its SHA. */
  formOf(script: SentScript, keyCount: number): ScriptForm {
    const { lua, sha1 } = this.textFor(script, keyCount);
    return { lua, sha1: this.sendsTexts ? undefined : sha1 };
  }

  /** Sends the text when the server refuses the SHA; any other failure is thrown again. */
  private async sendText(
    client: RedisClient,
    form: ScriptForm,
    keys: readonly string[],
    args: Args,
    { error, isFirst }: { readonly error: unknown; readonly isFirst: boolean },
  ): Promise<unknown> {
    const { sha1 } = form;
    if (sha1 === undefined) throw error;
    const text = { lua: form.lua, sha1: undefined }; // running it loads it, too
    if (isRefusalOf('evalsha', error)) this.sendTexts();
    else if (!isUnknownScript(error)) throw error;
    else if (!isFirst) return this.loadAgain(client, { sha1, form, text }, keys, args);
    return runScript(client, text, keys, args);
  }

  /** The script was lost on this node. One of the calls that find this sends the text, the others wait for it. */
  private async loadAgain(
    client: RedisClient,
    { sha1, form, text }: { readonly sha1: string; readonly form: ScriptForm; readonly text: ScriptForm },
    keys: readonly string[],
    args: Args,
  ): Promise<unknown> {
    const known = this.loaded.of(client, sha1, keys[0]!);
    if (known === true || known === undefined) {
      return this.loaded.during(client, sha1, keys[0]!, runScript(client, text, keys, args));
    }
    await known;
    return runScript(client, form, keys, args, (error) => {
      // Behind a proxy, or after a failover, it went to a node that still lacks it.
      if (!isUnknownScript(error)) throw error;
      return runScript(client, text, keys, args);
    });
  }

  private textFor(script: SentScript, keyCount: number): { readonly lua: string; readonly sha1: string } {
    if (!this.hasLiteralKeys) return { lua: this.prepareScript?.(script) ?? script.lua, sha1: script.sha1 };
    const sharedCount = roundedCount(keyCount);
    const name = `${script.name} ${sharedCount}`;
    let text = this.literalTexts.get(name);
    if (!text) {
      const lua = withLiteralKeys(script.lua, sharedCount);
      text = { lua, sha1: createHash('sha1').update(lua).digest('hex') };
      this.literalTexts.set(name, text);
    }
    return text;
  }

  private sendTexts(): void {
    if (this.sendsTexts) return;
    this.sendsTexts = true;
    this.log.logRefusal('Redis refuses EVALSHA: sending the full text of every script');
  }

  /**
   * Whether the call failed because the server parses scripts and requires every key to be a literal, as cluster
   * proxies do. Found by sending both forms of a script without effect, since the texts of refusals differ.
   */
  private async turnsToLiteralKeys(client: RedisClient, key: string, error: unknown): Promise<boolean> {
    if (!isUnknownRefusal(error)) return false;
    this.literalKeysWanted ??= this.probe(client, key);
    return this.literalKeysWanted;
  }

  private async probe(client: RedisClient, key: string): Promise<boolean> {
    try {
      this.hasLiteralKeys = await wantsLiteralKeys(client, key);
    } catch (error) {
      this.literalKeysWanted = undefined; // the next refusal tries again
      throw error;
    }
    if (this.hasLiteralKeys) this.log.logger.info('the server requires literal keys in scripts: sending that form');
    return this.hasLiteralKeys;
  }
}

/** Errors and traces show the first key, which also decides the node of a cluster. */
export function runScript(
  client: RedisClient,
  { lua, sha1 }: ScriptForm,
  keys: readonly string[],
  args: Args,
  onFailure: (error: unknown) => unknown = rethrow,
): Promise<unknown> {
  const text = sha1 ?? lua;
  const shown = [text, '1', keys[0]!];
  const command = new EncodedCommand(sha1 === undefined ? 'eval' : 'evalsha', shown, [
    text,
    keys.length,
    ...keys,
    ...args,
  ]);
  const replied = client.sendCommand(command) as Promise<unknown>;
  return replied.then(
    (reply) => {
      command.release();
      return reply;
    },
    (error: unknown) => {
      command.release();
      return onFailure(error);
    },
  );
}

function rethrow(error: unknown): never {
  throw error;
}

const KEY_IN_VARIABLE = "local key = KEYS[1]\nreturn redis.call('EXISTS', key)";
const LITERAL_KEY = "return redis.call('EXISTS', KEYS[1])";

async function wantsLiteralKeys(client: RedisClient, key: string): Promise<boolean> {
  const runs = async (lua: string): Promise<boolean> => {
    try {
      await client.call('eval', [lua, 1, key]);
      return true;
    } catch (error) {
      if (isUnknownRefusal(error)) return false;
      throw error;
    }
  };
  return !(await runs(KEY_IN_VARIABLE)) && runs(LITERAL_KEY);
}
