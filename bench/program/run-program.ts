import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { ownUsage } from './clock.js';
import type { Driver, Producer, Worker } from './driver.js';
import { produce } from './produce.js';
import type { Line, Request } from './protocol.js';
import { Work } from './work.js';

const REPLIES = 3;

/** Runs a driver as a program of the benchmark; its last argument is the address of the store. */
export function runProgram(driver: Driver): void {
  const session = new Session(driver, process.argv.at(-1)!);
  let last = Promise.resolve();
  createInterface(process.stdin)
    .on('line', (line) => {
      last = last.then(() => session.answer(JSON.parse(line) as Request));
    })
    .on('close', () => process.exit());
}

function write(line: Line): void {
  writeSync(REPLIES, `${JSON.stringify(line)}\n`);
}

class Session {
  private producer: Producer | undefined;
  private worker: Worker | undefined;
  private work: Work | undefined;

  constructor(
    private readonly driver: Driver,
    private readonly url: string,
  ) {}

  async answer(request: Request): Promise<void> {
    try {
      write({ reply: (await this.run(request)) ?? null });
    } catch (error) {
      write({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }

  private async run(request: Request): Promise<unknown> {
    switch (request.op) {
      case 'produce':
        this.producer ??= await this.driver.connect(this.url);
        return produce(this.producer, request.load);
      case 'serve':
        this.work = new Work(request.service, (mark) => write({ mark }));
        this.worker = await this.driver.serve(this.url, request.service, this.work.handle);
        return undefined;
      case 'report':
        return this.work?.report();
      case 'usage':
        return ownUsage();
      case 'app':
        return this.driver.live!(this.url, request.place);
      case 'stop':
        await this.producer?.close();
        await this.worker?.close();
        return this.work?.report();
    }
  }
}
