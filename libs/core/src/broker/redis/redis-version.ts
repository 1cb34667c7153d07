import type { RedisLink } from './redis-link.js';

/** The server's version, asked once. */
export class RedisVersion {
  private known: string | undefined;

  constructor(private readonly redis: RedisLink) {}

  async text(): Promise<string> {
    if (this.known === undefined) {
      const info = await this.redis.command('INFO', (client) => client.info('server'));
      this.known = /^redis_version:(\S+)/m.exec(info)?.[1] ?? '0';
    }
    return this.known;
  }

  /** Compares major and minor. */
  async isAtLeast(minimum: `${number}.${number}`): Promise<boolean> {
    const [major = 0, minor = 0] = (await this.text()).split('.').map(Number);
    const [minMajor = 0, minMinor = 0] = minimum.split('.').map(Number);
    return major > minMajor || (major === minMajor && minor >= minMinor);
  }
}
