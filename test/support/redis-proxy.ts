import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { RedisServer } from './redis-server.js';
import { commandReader } from './test-queue.js';

/** The refusals of a proxy in front of Redis, such as those of cloud "proxy clusters". */
export interface ProxyProfile {
  /** Unknown commands, in capitals. */
  readonly refused?: readonly string[] | undefined;
  /** Text of the refusal; `%s` is the command. Default: Redis' text. */
  readonly refusal?: string | undefined;
  /** Text for a script that touches a key outside of `KEYS`; such scripts run when left out. */
  readonly undeclaredKey?: string | undefined;
  /** Text for a script with a key that is not a literal `KEYS[<number>]`. */
  readonly keyNotLiteral?: string | undefined;
}

const BLOCKING = ['BLMOVE', 'BLPOP', 'BRPOP', 'BRPOPLPUSH', 'BLMPOP', 'BZPOPMIN', 'BZPOPMAX', 'BZMPOP'];
const PUB_SUB = ['SUBSCRIBE', 'PSUBSCRIBE', 'SSUBSCRIBE', 'PUBLISH', 'SPUBLISH', 'PUBSUB'];

/** The text of Alibaba's proxies. */
const NOT_LITERAL =
  'ERR bad lua script for redis cluster, all the keys that the script uses should be passed using the KEYS array, and KEYS should not be in expression';

/** A proxy that reads scripts, and has neither commands of the server nor blocking ones. */
export const PROXY_CLUSTER: ProxyProfile = {
  refused: ['CLUSTER', 'CONFIG', 'INFO', ...BLOCKING],
  undeclaredKey: 'ERR script tried accessing undeclared key',
  keyNotLiteral: NOT_LITERAL,
};

/** A minimal proxy: no channels, no clock and no script commands either. */
export const MINIMAL_PROXY: ProxyProfile = {
  ...PROXY_CLUSTER,
  refused: [...PROXY_CLUSTER.refused!, ...PUB_SUB, 'SCRIPT', 'TIME', 'CLIENT', 'MEMORY', 'HELLO', 'ACL', 'WAIT'],
  refusal: "ERR command '%s' is not supported by this proxy",
};

export interface RedisProxy extends AsyncDisposable {
  readonly url: string;
  /** Number of calls of each command, by its name in capitals. */
  readonly received: ReadonlyMap<string, number>;
}

/**
 * A proxy in front of one Redis that speaks for a whole cluster: a single address, and commands and scripts with keys
 * in several slots are refused. Refusals keep their place among the replies, since Redis produces them.
 */
export async function openProxy(redis: RedisServer, profile: ProxyProfile): Promise<RedisProxy> {
  const received = new Map<string, number>();
  const scripts = new Map<string, string>();
  const sockets = new Set<Socket>();

  const server = createServer((near) => {
    const far = connect(redis.port, redis.host);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket
        .on('error', () => undefined)
        .on('close', () => {
          sockets.delete(socket);
          other.destroy();
        });
    }
    const readCommand = commandReader();
    near.on('data', (chunk: Buffer) => {
      const commands = readCommand(chunk).map((command) => {
        const name = String(command[0]).toUpperCase();
        received.set(name, (received.get(name) ?? 0) + 1);
        return encode(answer(name, command));
      });
      far.write(Buffer.concat(commands));
    });
    far.pipe(near);
  });

  /** The command that Redis gets instead. */
  function answer(name: string, command: readonly Buffer[]): readonly (Buffer | string)[] {
    if (profile.refused?.includes(name)) {
      const text = profile.refusal ?? 'ERR unknown command `%s`, with args beginning with: ';
      return refusal(text.replace('%s', name.toLowerCase()));
    }
    if (name === 'EVALSHA') {
      const text = scripts.get(String(command[1]));
      return text === undefined ? refusal('NOSCRIPT No matching script.') : evaluate(text, command);
    }
    if (name === 'EVAL') {
      const text = String(command[1]);
      const isKnown = scripts.has(createHash('sha1').update(text).digest('hex'));
      if (!isKnown && profile.keyNotLiteral && hasOtherKeys(text)) return refusal(profile.keyNotLiteral);
      scripts.set(createHash('sha1').update(text).digest('hex'), text);
      return evaluate(text, command);
    }
    return command;
  }

  function evaluate(text: string, [, , ...rest]: readonly Buffer[]): readonly (Buffer | string)[] {
    const keys = rest.slice(1, 1 + Number(rest[0])).map(String);
    if (keys.length === 0) return refusal('ERR for redis cluster, eval/evalsha number of keys cannot be zero');
    if (new Set(keys.map(tagOf)).size > 1) return refusal('CROSSSLOT Keys in request do not hash to the same slot');
    const guard = profile.undeclaredKey ? guardOf(profile.undeclaredKey) : '';
    return ['EVAL', guard + text, ...rest];
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const tagOf = (key: string): string => /\{([^}]+)\}/.exec(key)?.[1] ?? key;

const refusal = (text: string): string[] => ['EVAL', 'return redis.error_reply(ARGV[1])', '0', text];

/** Whether a command of a script has another first key than a literal one. Channels are no keys. */
const hasOtherKeys = (lua: string): boolean =>
  [...lua.matchAll(/redis\.p?call\(\s*([^,)]*),?\s*([^,)]*)/g)].some(
    ([, command = '', key = '']) => !/PUBLISH/i.test(command) && !/^KEYS\[\d+\]$/.test(key.trim()),
  );

/** Lua that makes a key outside of `KEYS` an error of the command, as the server itself would. */
const guardOf = (text: string): string => `
local redis = (function(real)
  local declared = {}
  for _, key in ipairs(KEYS) do declared[key] = true end
  local function isUndeclared(command, key) return string.upper(command) ~= 'PUBLISH' and not declared[key] end
  return setmetatable({
    call = function(command, key, ...)
      if isUndeclared(command, key) then error('${text}') end
      return real.call(command, key, ...)
    end,
    pcall = function(command, key, ...)
      if isUndeclared(command, key) then return { err = '${text}' } end
      return real.pcall(command, key, ...)
    end,
  }, { __index = real })
end)(redis)
`;

function encode(parts: readonly (Buffer | string)[]): Buffer {
  const chunks: Buffer[] = [Buffer.from(`*${parts.length}\r\n`)];
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    chunks.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(chunks);
}
