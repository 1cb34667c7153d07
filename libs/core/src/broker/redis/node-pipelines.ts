import type { ChainableCommander } from 'ioredis';
import { keySlot } from '../../wire/key-slot.js';
import { isCluster } from './nodes.js';
import type { RedisClient } from './redis-connection.js';
import { isRedirection } from './redis-failure.js';

/** Maximum number of commands in a pipeline: Redis holds all of its replies in memory. */
const MOST_COMMANDS = 1_000;

export interface KeyedCommand {
  /** Its key, or any of them. */
  readonly key: string;
  /** Adds the command. `loaded` holds the SHAs of scripts that the pipeline has sent as text. */
  readonly addTo: (pipeline: ChainableCommander, loaded: Set<string>) => unknown;
}

/** Called with the place of a command and its reply, which is an `Error` when it failed. */
export type OnReply = (place: number, reply: unknown) => void;

/**
 * Sends commands for keys of any slots in as many round trips as there are nodes. Each has its reply as soon as its node
 * answers, whether others are silent or not. Resolves when all have; never rejects.
 */
export async function sendPipelined(
  client: RedisClient,
  commands: readonly KeyedCommand[],
  onReply: OnReply,
): Promise<void> {
  const pipelines = inPipelines(client, commands).map(async (places) => {
    const pipeline = client.pipeline();
    const loaded = new Set<string>();
    for (const place of places) commands[place]!.addTo(pipeline, loaded);
    const results = await pipeline.exec().catch((error: Error) => places.map(() => [error] as const));
    const redirected: number[] = [];
    places.forEach((place, i) => {
      const [error, reply] = results?.[i] ?? [new Error('Connection is closed.')];
      if (error && isCluster(client) && places.length > 1 && isRedirection(error)) redirected.push(place);
      else onReply(place, error ?? reply);
    });
    await Promise.all(redirected.map((place) => sendAlone(client, commands[place]!, (reply) => onReply(place, reply))));
  });
  await Promise.all(pipelines);
}

/** ioredis follows the redirection of a pipeline only if it is that of all its commands. */
async function sendAlone(client: RedisClient, command: KeyedCommand, onReply: (reply: unknown) => void): Promise<void> {
  await sendPipelined(client, [command], (_, reply) => onReply(reply));
}

/** The places of the commands, by pipeline. */
function inPipelines(client: RedisClient, commands: readonly KeyedCommand[]): number[][] {
  const current = new Map<string, number[]>();
  const all: number[][] = [];
  commands.forEach(({ key }, place) => {
    const node = isCluster(client) ? String(client.slots[keySlot(key)]) : '';
    let places = current.get(node);
    if (!places || places.length >= MOST_COMMANDS) {
      current.set(node, (places = []));
      all.push(places);
    }
    places.push(place);
  });
  return all;
}
