import type { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { ReplicaWait } from './replica-wait.js';

function prepare() {
  const asked: ((replicas: number) => void)[] = [];
  const connection = {
    status: 'ready',
    stream: {},
    wait: () => new Promise<number>((resolve) => asked.push(resolve)),
  };
  return { asked, connection, wait: new ReplicaWait(connection as unknown as Redis, 1) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('ReplicaWait', () => {
  it('sends one WAIT for all writes of a turn', async () => {
    const { asked, wait } = prepare();

    const writes = [wait.confirmed(), wait.confirmed()];
    await turn();
    asked[0]!(1);

    expect(await Promise.all(writes)).toEqual([1, 1]);
    expect(asked).toHaveLength(1);
  });

  it('sends one more WAIT for all writes made during the first', async () => {
    const { asked, wait } = prepare();

    const first = wait.confirmed();
    await turn();
    const later = [wait.confirmed(), wait.confirmed()];
    await turn();
    const during = asked.length;
    asked[0]!(0);
    await turn();
    asked[1]!(1);

    expect(during).toBe(1);
    expect(await first).toBe(0);
    expect(await Promise.all(later)).toEqual([1, 1]);
    expect(asked).toHaveLength(2);
  });

  it('confirms no write on a connection that has been lost since', async () => {
    const { asked, connection, wait } = prepare();

    const first = wait.confirmed();
    await turn();
    const later = wait.confirmed();
    connection.stream = {};
    asked[0]!(1);
    await turn();
    asked[1]!(1);

    expect(await first).toBe(1);
    await expect(later).rejects.toThrow('Connection is closed');
  });
});
