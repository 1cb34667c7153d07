import { Command, Redis } from 'ioredis';
import { Duplex, PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { openFakeRedis } from '../../test-support/fake-redis.js';
import type { ScriptArg } from '../../scripts/script.js';
import { encodeCommand, EncodedCommand, joinWrites } from './encoded-command.js';

/** The bytes that ioredis would send. */
function byIoredis(args: readonly ScriptArg[]): Buffer {
  const own = args.map((arg) => (arg instanceof Uint8Array ? Buffer.from(arg) : String(arg)));
  return Buffer.from(new Command('evalsha', own).toWritable({}));
}

const nextTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

describe('encodeCommand', () => {
  it.each<[string, readonly ScriptArg[]]>([
    ['no argument', []],
    ['text of several bytes per character', ['ä', '日本', '🙂', '']],
    ['half of a surrogate pair', ['a\ud800b']],
    ['numbers', [0, -1, 2 ** 40, 1.5, 2n ** 63n]],
    ['bytes', [new Uint8Array(), Uint8Array.of(0, 13, 10, 255), Buffer.from('text')]],
    ['bytes between texts', ['a', Buffer.from('b'), 'c', Buffer.alloc(3), Buffer.alloc(4), 'd']],
    ['a view into other bytes', [new Uint8Array(Uint8Array.of(1, 2, 3, 4).buffer, 1, 2)]],
    ['long bytes', ['a', Buffer.alloc(100_000, 'x'), Buffer.alloc(5_000, 'y'), 'z', Buffer.alloc(9_000)]],
    ['many arguments', Array.from({ length: 5_000 }, (_, at) => `key ${at}`)],
  ])('writes what ioredis writes: %s', (_, args) => {
    expect(Buffer.concat(encodeCommand('evalsha', args))).toEqual(byIoredis(args));
  });

  it('does not copy long arguments', () => {
    const long = Buffer.alloc(100_000);

    expect(encodeCommand('evalsha', ['a', long, 'b'])).toContain(long);
  });
});

describe('EncodedCommand', () => {
  it('names the key that decides its slot', () => {
    const command = new EncodedCommand(
      'evalsha',
      ['sha', '1', 'asynq:{q}:pending'],
      ['sha', 1, 'asynq:{q}:pending', 'x'],
    );

    expect(command.getKeys()).toEqual(['asynq:{q}:pending']);
    expect(command.getSlot()).toBe(new Command('get', ['asynq:{q}:pending']).getSlot());
  });

  it('can be sent again, as after a redirection', () => {
    const args = ['sha', 0, Buffer.alloc(10_000, 'x'), 'y'];
    const command = new EncodedCommand('evalsha', [], args);

    const sent = [1, 2].map(() => {
      const stream = new PassThrough();
      stream.write(command.toWritable(stream));
      stream.uncork();
      return stream.read() as Buffer;
    });

    expect(sent).toEqual([byIoredis(args), byIoredis(args)]);
  });
});

describe('an EncodedCommand that ended before it was sent', () => {
  it('is not sent any more, and leaves the replies in order', async () => {
    await using server = await openFakeRedis(([, text = 'PONG']) => text);
    const client = new Redis(server.url, { lazyConnect: true, enableReadyCheck: false, protocol: 2 });
    const late = new EncodedCommand('evalsha', ['sha', '1', 'key'], ['sha', 1, 'key']);
    const ended = client.sendCommand(late); // waits for the connection
    late.reject(new Error('Command timed out'));
    await expect(ended).rejects.toThrow('Command timed out');
    late.release();

    expect(await client.echo('next')).toBe('next');
    expect(server.commands).not.toContain('EVALSHA');
    client.disconnect();
  });
});

/** A connection, and the texts of each of its system calls. */
function openStream(): { stream: Duplex; writes: string[][] } {
  const writes: string[][] = [];
  const stream = new Duplex({
    decodeStrings: false,
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => String(chunk)));
      done();
    },
  });
  return { stream, writes };
}

describe('joinWrites', () => {
  it('sends the first command of a turn at once, and the others together at its end', async () => {
    const { stream, writes } = openStream();

    for (const text of ['a', 'b', 'c']) {
      joinWrites(stream);
      stream.write(text);
      await Promise.resolve();
    }
    const before = [...writes];
    await nextTick();
    joinWrites(stream);
    stream.write('d');

    expect(before).toEqual([['a']]);
    expect(writes).toEqual([['a'], ['b', 'c'], ['d']]);
    expect(stream.writableCorked).toBe(0);
  });

  it('sends the parts of a command together', async () => {
    const { stream, writes } = openStream();

    stream.write(new EncodedCommand('set', [], ['key', Buffer.alloc(5_000, 'x')]).toWritable(stream));
    await nextTick();

    expect(writes.map((parts) => parts.length)).toEqual([3]);
    expect(stream.writableCorked).toBe(0);
  });

  it('does not let large writes wait for the end of the turn', async () => {
    const { stream, writes } = openStream();
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((text) => text.repeat(10_000)) as [string, string, string, string];

    for (const text of [a, b, c, d]) {
      joinWrites(stream);
      stream.write(text);
    }
    expect(writes).toEqual([[a], [b, c]]);
    await nextTick();

    expect(writes).toEqual([[a], [b, c], [d]]);
    expect(stream.writableCorked).toBe(0);
  });
});
