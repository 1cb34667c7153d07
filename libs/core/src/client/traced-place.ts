import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Broker } from '../broker/contract/broker.js';
import type { TracedPlace } from '../task/task-tracing.js';

/** Who traces, and which Redis it uses. @param serverId default: one of its own */
export function placeOfProgram({ address }: Pick<Broker, 'address'>, serverId: string = randomUUID()): TracedPlace {
  return { clientId: `${hostname()}:${process.pid}:${serverId}`, address: address?.host, port: address?.port };
}
