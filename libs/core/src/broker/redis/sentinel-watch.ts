import { Redis, type RedisOptions } from 'ioredis';
import { sentinelRules } from './redis-connection.js';

/** From the sentinel that leads a failover, as soon as the replica is a master; from all of them, once that is over. */
const CHANNELS = ['+promoted-slave', '+switch-master'] as const;

/** The sentinels name another master. The text counts as transient. */
export class MasterReplacedError extends Error {
  constructor() {
    super('Connection is closed. The sentinels name another master.');
  }
}

/**
 * Hears from the sentinels of a master when another one takes its place. An old master may be silent, or still answer and lose
 * what it is told. Only a help: without it, silence or READONLY tell, later.
 */
export class SentinelWatch {
  private readonly sentinels: readonly Redis[];

  /** @param onReplaced called with the address of the new master, by each sentinel */
  constructor(options: RedisOptions, onReplaced: (address: string) => void) {
    this.sentinels = (options.sentinels ?? []).map((place) => {
      const sentinel = new Redis({ ...sentinelRules(options), ...place });
      sentinel
        .on('error', () => undefined)
        .on('ready', () => void sentinel.subscribe(...CHANNELS).catch(() => undefined))
        .on('message', (channel: (typeof CHANNELS)[number], message: string) => {
          const { name, address } = read[channel](message.split(' '));
          if (name === options.name) onReplaced(address);
        });
      return sentinel;
    });
  }

  close(): void {
    for (const sentinel of this.sentinels) sentinel.disconnect();
  }
}

type Reader = (words: readonly string[]) => { readonly name: string | undefined; readonly address: string };

const read: Record<(typeof CHANNELS)[number], Reader> = {
  // slave <name> <ip> <port> @ <name of the master> <ip> <port>
  '+promoted-slave': ([, , ip, port, , name]) => ({ name, address: `${ip}:${port}` }),
  // <name of the master> <old ip> <old port> <new ip> <new port>
  '+switch-master': ([name, , , ip, port]) => ({ name, address: `${ip}:${port}` }),
};
