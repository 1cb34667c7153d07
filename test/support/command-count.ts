import type { Redis } from 'ioredis';

/** Commands that a Redis server has run so far, those inside scripts included. */
export class CommandCount {
  private constructor(
    readonly calls: Readonly<Record<string, number>>,
    private readonly atMs: number,
  ) {}

  static async read(redis: Redis): Promise<CommandCount> {
    const info = await redis.info('commandstats');
    const calls = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(
      ([, name, count]) => [name!, Number(count)] as const,
    );
    return new CommandCount(Object.fromEntries(calls.filter(([name]) => name !== 'info')), Date.now());
  }

  since(before: CommandCount): { total: number; calls: Record<string, number>; elapsedMs: number } {
    const grown = Object.entries(this.calls)
      .map(([name, count]) => [name, count - (before.calls[name] ?? 0)] as const)
      .filter(([, count]) => count > 0);
    return {
      calls: Object.fromEntries(grown),
      total: grown.reduce((sum, [, count]) => sum + count, 0),
      elapsedMs: this.atMs - before.atMs,
    };
  }
}
