import { QueueError } from '../../errors/queue-error.js';
import { systemClock } from '../../runtime/clock.js';
import { resultWithin } from '../../runtime/within.js';
import { mastersOf } from './nodes.js';
import type { RedisLink } from './redis-link.js';

/** How long a node of a cluster may take before another one publishes the message, too. */
const PATIENCE_MS = 500;

/**
 * Publishes a message. The nodes of a cluster pass it on to all subscribers, so any node will do; when one does not
 * answer, subscribers may receive the message twice.
 * @throws {RedisCommandError} Redis failed, on a cluster every node
 */
export async function publish(redis: RedisLink, channel: string, message: string): Promise<void> {
  await redis.command('PUBLISH', async (client) => {
    // A node that owes replies may be silent.
    const nodes = mastersOf(client).toSorted((a, b) => a.commandQueue.length - b.commandQueue.length);
    let failure: unknown = new Error(`timed out: no answer within ${PATIENCE_MS} ms`);
    for (const node of nodes) {
      const published = node.publish(channel, message);
      if (nodes.length === 1) return published;
      try {
        if ((await resultWithin(systemClock, PATIENCE_MS, published)) !== undefined) return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  });
}

/** Publishes a message that subscribers can do without: a failure is only logged. */
export async function publishHint(redis: RedisLink, channel: string, message: string): Promise<void> {
  try {
    await publish(redis, channel, message);
  } catch (error) {
    if (!(error instanceof QueueError)) throw error;
    redis.logger.debug('a hint could not be published', { channel, error });
  }
}
