import { Command } from 'ioredis';
import type { Duplex } from 'node:stream';
import type { ScriptArg } from '../../scripts/script.js';
import { nextTick } from '../../runtime/microtasks.js';

/** Longer arguments are not copied. */
const COPIED_BYTES = 4 * 1024;

/** More than this does not wait for the end of the turn: the server works on it meanwhile. */
const JOINED_BYTES = 16 * 1024;

/**
 * A command whose bytes are ready. ioredis routes, sends and answers it like its own, and spends no time on each of its
 * arguments. The reply holds `Buffer`s for text.
 */
export class EncodedCommand extends Command {
  private chunks: readonly Uint8Array[];

  /**
   * @param shown the arguments for errors and traces; of an EVALSHA or EVAL, the script, the number of keys, and as many
   * keys, the first of which decides the node of a cluster
   * @param args default: those
   */
  constructor(name: string, shown: readonly string[], args: readonly ScriptArg[] = shown) {
    super(name, [...shown], { replyEncoding: null });
    this.chunks = encodeCommand(name, args);
  }

  /** Called when a connection is about to write what is returned. */
  override toWritable(connection: object): Buffer {
    const stream = connection as Duplex;
    const last = this.chunks.length - 1;
    joinWrites(stream, last > 0);
    for (let at = 0; at < last; at++) stream.write(this.chunks[at]);
    return this.chunks[last] as Buffer;
  }

  /**
   * Drops the bytes: an object that has waited for a reply may live until a full collection of garbage. If ioredis has yet to
   * send the command, because it timed out while it waited for its node, a `PING` takes its place among the replies.
   */
  release(): void {
    this.chunks = PING;
  }

  /** ioredis 6 calls it on every command, and the class may be that of ioredis 5 when the user's client is another copy. */
  override setReplyContext(): void {
    // The reply of a script has one form in all contexts.
  }
}

const PING: readonly Uint8Array[] = [Buffer.from('*1\r\n$4\r\nPING\r\n')];

/** Connections to which something was written in this turn. */
const begun = new WeakSet<Duplex>();

/**
 * Sends what is written to a connection until the end of this turn's microtasks by few system calls: the first command at once, so
 * that the server can begin, and mostly one more for all others.
 * @param hasParts the next command is written in several parts
 */
export function joinWrites(stream: Duplex, hasParts = false): void {
  if (!begun.has(stream)) {
    begun.add(stream);
    nextTick(endTurn, stream);
    if (!hasParts) return;
  }
  if (stream.writableCorked > 0) {
    if (stream.writableLength <= JOINED_BYTES) return;
    stream.uncork();
  }
  stream.cork();
}

function endTurn(stream: Duplex): void {
  begun.delete(stream);
  stream.uncork();
}

/** The command in the protocol of Redis; long arguments are chunks of their own. */
export function encodeCommand(name: string, args: readonly ScriptArg[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let pieces: (string | Uint8Array)[] = [];
  let text = `*${args.length + 1}\r\n$${name.length}\r\n${name}\r\n`;
  let bytes = text.length;
  for (const arg of args) {
    if (typeof arg === 'object') {
      const length = `$${arg.length}\r\n`;
      text += length;
      bytes += length.length;
      pieces.push(text);
      if (arg.length > COPIED_BYTES) {
        chunks.push(joined(pieces, bytes), arg);
        pieces = [];
        bytes = 0;
      } else {
        pieces.push(arg);
        bytes += arg.length;
      }
      text = '\r\n';
      bytes += 2;
    } else {
      const value = typeof arg === 'string' ? arg : arg.toString();
      const valueBytes = Buffer.byteLength(value);
      const length = `$${valueBytes}\r\n`;
      text += `${length}${value}\r\n`;
      bytes += length.length + valueBytes + 2;
    }
  }
  pieces.push(text);
  chunks.push(joined(pieces, bytes));
  return chunks;
}

function joined(pieces: readonly (string | Uint8Array)[], bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const piece of pieces) {
    if (typeof piece === 'string') {
      at += buffer.write(piece, at);
    } else {
      buffer.set(piece, at);
      at += piece.length;
    }
  }
  return buffer;
}
