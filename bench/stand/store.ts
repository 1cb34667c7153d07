import { Redis } from 'ioredis';
import { type PostgresProcess, startPostgresIn } from '../../test/support/postgres-programs.js';
import { startRedis } from '../../test/support/redis-server.js';
import { treeCpuUs } from './processor-time.js';

/** The store of a contender: a separate server on this machine. */
export interface Store extends AsyncDisposable {
  readonly url: string;
  /** Processor time so far. */
  cpuUs(): Promise<number>;
}

/** Redis without persistence. */
export class RedisStore implements Store {
  private constructor(
    readonly url: string,
    private readonly admin: Redis,
    private readonly stop: () => Promise<void>,
  ) {}

  static async start(): Promise<RedisStore> {
    const server = await startRedis();
    return new RedisStore(server.url, new Redis(server.url), () => server.stop());
  }

  async cpuUs(): Promise<number> {
    const info = await this.admin.info('cpu');
    const seconds = [...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)].map(([, text]) => Number(text));
    return seconds.reduce((sum, s) => sum + s, 0) * 1e6;
  }

  /** Commands that clients have sent so far; those inside of scripts are not counted. */
  async commands(): Promise<number> {
    return this.number('stats', 'total_commands_processed');
  }

  async usedBytes(): Promise<number> {
    return this.number('memory', 'used_memory');
  }

  /** Without our own. */
  async connections(): Promise<number> {
    return (await this.number('clients', 'connected_clients')) - 1;
  }

  async watchSlowCommands(fromMs: number): Promise<void> {
    await this.admin.config('SET', 'slowlog-log-slower-than', String(fromMs * 1000));
    await this.admin.slowlog('RESET');
  }

  async slowCommands(): Promise<number> {
    return (await this.admin.slowlog('LEN')) as number;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.admin.disconnect();
    await this.stop();
  }

  private async number(section: string, name: string): Promise<number> {
    const info = await this.admin.info(section);
    return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
  }
}

/** As durable as Redis without persistence: a crash of the machine may lose the last commits. */
const POSTGRES_SETTINGS = { synchronous_commit: 'off', shared_buffers: '512MB', max_wal_size: '4GB' };

export class PostgresStore implements Store {
  private constructor(private readonly server: PostgresProcess) {}

  static async start(folder: string): Promise<PostgresStore> {
    return new PostgresStore(await startPostgresIn(folder, POSTGRES_SETTINGS));
  }

  get url(): string {
    return this.server.url;
  }

  cpuUs(): Promise<number> {
    return Promise.resolve(treeCpuUs(this.server.pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}
