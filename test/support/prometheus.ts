import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { drawPorts, PORTS } from './free-port.js';
import { OrphanCleanup } from './orphan-cleanup.js';

const PROGRAM = '/usr/bin/prometheus';
const TOOL = '/usr/bin/promtool';

/** Tests with Prometheus say `describe.skipIf(!hasPrometheus)`. */
export const hasPrometheus = existsSync(PROGRAM) && existsSync(TOOL);

/** What a run of promtool prints, and whether it objects. */
export interface ToolRun {
  readonly isFine: boolean;
  readonly output: string;
}

/** Runs promtool. @param input for its stdin */
export function promtool(args: readonly string[], input?: string): ToolRun {
  const { status, stdout, stderr } = spawnSync(TOOL, args, { input, encoding: 'utf8' });
  return { isFine: status === 0, output: `${stdout}${stderr}`.trim() };
}

/** One value of an instant query. */
export interface QuerySample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [atS: number, value: string];
}

/** A Prometheus of a test's own, which scrapes targets every second; gone with the test process at the latest. */
export class Prometheus implements AsyncDisposable {
  private constructor(
    private readonly url: string,
    private readonly stop: () => Promise<void>,
  ) {}

  /** Resolves when it takes queries. @param targets `host:port`, by the name of the job; they serve `/metrics` */
  static async start(targets: Readonly<Record<string, string>>): Promise<Prometheus> {
    const [port] = await drawPorts(1, PORTS.prometheus);
    const dir = await mkdtemp(join(tmpdir(), 'nestjs-asynq-prometheus-'));
    const jobs = Object.entries(targets).map(([job, target]) => ({
      job_name: job,
      static_configs: [{ targets: [target] }],
    }));
    // JSON is YAML.
    const config = { global: { scrape_interval: '1s', scrape_timeout: '1s' }, scrape_configs: jobs };
    await writeFile(join(dir, 'prometheus.yml'), JSON.stringify(config));
    const args = [
      `--config.file=${join(dir, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(dir, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=error',
    ];
    const child = spawn(PROGRAM, args, { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] });
    const cleanup = new OrphanCleanup(`kill -9 ${child.pid}; rm -rf '${dir}'`);
    const exited = once(child, 'exit');
    const url = `http://127.0.0.1:${port}`;
    const stop = async (): Promise<void> => {
      child.kill('SIGKILL');
      await exited;
      await rm(dir, { recursive: true, force: true });
      cleanup[Symbol.dispose]();
    };
    while (child.exitCode === null && !(await isReady(url))) await delay(50);
    if (child.exitCode !== null) throw new Error(`Prometheus ended with ${child.exitCode}`);
    return new Prometheus(url, stop);
  }

  /** The present values of an expression. @throws {Error} with Prometheus' words, when it is invalid */
  async query(expression: string): Promise<QuerySample[]> {
    const response = await fetch(`${this.url}/api/v1/query?${new URLSearchParams({ query: expression }).toString()}`);
    const body = (await response.json()) as { data?: { result: QuerySample[] }; error?: string };
    if (!body.data) throw new Error(`${expression}: ${body.error}`);
    return body.data.result;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}
