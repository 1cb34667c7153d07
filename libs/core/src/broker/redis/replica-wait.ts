import type { Redis } from 'ioredis';

/** How long replicas may take to confirm a write. */
export const REPLICAS_TIMEOUT_MS = 1_000;

/** A reply to WAIT, and the socket that it came on. */
interface Confirmation {
  readonly replicas: number;
  readonly stream: unknown;
}

/**
 * Asks how many replicas have the writes of a connection. One WAIT at a time: it blocks the connection, and the next
 * one covers all writes made in between.
 */
export class ReplicaWait {
  private current: Promise<Confirmation> | undefined;
  private next: Promise<Confirmation> | undefined;

  constructor(
    private readonly connection: Redis,
    private readonly needed: number,
  ) {}

  /**
   * How many replicas have the last write on the connection, whose reply has just come.
   * @throws {Error} the connection was lost: a new one does not know of the write
   */
  async confirmed(): Promise<number> {
    const { stream } = this.connection;
    this.next ??= this.after(this.current);
    const confirmation = await this.next;
    if (confirmation.stream !== stream) throw new Error('Connection is closed.');
    return confirmation.replicas;
  }

  private async after(current: Promise<Confirmation> | undefined): Promise<Confirmation> {
    await current?.catch(() => undefined);
    this.next = undefined;
    return (this.current = this.ask());
  }

  private async ask(): Promise<Confirmation> {
    const { stream } = this.connection;
    if (this.connection.status !== 'ready') throw new Error('Connection is closed.');
    return { replicas: await this.connection.wait(this.needed, REPLICAS_TIMEOUT_MS), stream };
  }
}
