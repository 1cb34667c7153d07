import { sleep } from '../../support/load.js';
import { processCpuMs } from '../../support/process-cpu.js';
import type { WorkerProcess, WorkerReport } from '../../support/worker-process.js';
import type { Contender, ContenderClient, LoadTask, StageConnection } from './contenders/contender.js';
import { type Fault, type FaultKind, Ledger, queueOf, type TaskReport, type Verdict } from './ledger.js';
import { SeededRandom } from './seeded-random.js';

export const LEASE_MS = 3_000;
const WORKERS = 3;
const CONCURRENCY = 20;
/** A task every so often, from each of the clients. */
const PERIOD_MS = 25;
const CLIENTS = 2;
/** Handlers take 0 to 40 ms; one of 20 takes this, so that every fault meets running ones. */
const LONG_MS = 1_500;
/** One of 20 is due later, up to so much. */
const LONGEST_DELAY_MS = 2_500;
/** Beside the time for which tasks may lie abandoned: until new ones are handled after a fault, and until all have ended. */
const PATIENCE_MS = 90_000;
/** When a task that no queue holds is taken for gone: its worker would have told. */
const GONE_MS = 2_000;
const FINAL_STATES = ['archived', 'completed'];
/** Time for a new connection of the client that looks at tasks. */
const RECONNECT_MS = 2_000;
const CHECK_MS = 200;
/** Processor time is counted too roughly for less. */
const SHORTEST_MEASURED_MS = 1_000;
/** One on each master of a cluster of three. */
export const QUEUES = ['notifications', 'images', 'webhooks'];

/** Servers, and how clients and workers reach them. */
export interface Stage extends AsyncDisposable {
  readonly connection: StageConnection;
  /** Of the clients, where it is another one. */
  readonly clientConnection?: StageConnection | undefined;
}

/** One way to break something. */
export interface Scenario<S extends Stage> {
  /** Names it in `SOAK_SCENARIO`. */
  readonly key: string;
  readonly name: string;
  /** How many a run makes, unless it is told otherwise. */
  readonly faults: number;
  /** Makes one fault, notes it in the ledger, and resolves when everything that it hit may work again. */
  inject(trial: Trial<S>): Promise<void>;
}

export interface TrialResult extends Verdict {
  /** Warnings and errors that a worker logged, in the mean of all processes. */
  readonly logLinesPerWorker: number;
  /** Those of one worker during one fault, at most. */
  readonly mostLogLines: number;
  /** Of a core, that a worker used at most while Redis was away, percent; `undefined` when it never was. */
  readonly cpuPercent: number | undefined;
  /** Whether at the end no queue held a task that might still run. */
  readonly isDrained: boolean;
  /** No new task was handled after the last fault, which ended the trial. */
  readonly isStuck: boolean;
}

export interface TrialOptions<S extends Stage> {
  readonly contender: Contender;
  readonly stage: S;
  /** In this order, one fault each. */
  readonly faults: Iterable<Scenario<S>>;
  readonly seed: number;
}

/** Clients and worker processes under load on a stage, for scenarios to break. */
export class Trial<S extends Stage> {
  readonly ledger = new Ledger();
  readonly random: SeededRandom;
  private readonly workers = new Map<string, WorkerProcess>();
  private readonly logLines = new Map<string, number>();
  private started = 0;
  private extraTasks = 0;
  private mostLogLines = 0;
  private cpuPercent: number | undefined;
  private isOver = false;

  private constructor(
    private readonly contender: Contender,
    readonly stage: S,
    private readonly client: ContenderClient,
    seed: number,
  ) {
    this.random = new SeededRandom(seed);
  }

  static async run<S extends Stage>({ contender, stage, faults, seed }: TrialOptions<S>): Promise<TrialResult> {
    await using client = await contender.connect(stage.connection);
    const trial = new Trial(contender, stage, client, seed);
    try {
      await Promise.all(Array.from({ length: WORKERS }, () => trial.addWorker()));
      return await trial.play(faults);
    } finally {
      trial.isOver = true;
      await Promise.all([...trial.workers.values()].map((worker) => worker.kill()));
    }
  }

  /** How long a worker must be frozen to lose its tasks to others. */
  get abandonedAfterMs(): number {
    return this.contender.abandonedAfterMs;
  }

  /** A worker that is in service. */
  drawWorker(): string {
    return this.random.pick(this.workerNames);
  }

  worker(name: string): WorkerProcess {
    return this.workers.get(name)!;
  }

  get workerNames(): string[] {
    return [...this.workers.keys()];
  }

  /** Takes it out of service for good: nobody replaces it when it ends. */
  retire(name: string): WorkerProcess {
    const worker = this.worker(name);
    this.workers.delete(name);
    return worker;
  }

  /** Puts a worker into service, and replaces it when it dies, as a supervisor does. */
  async addWorker({ clockSkewMs }: { readonly clockSkewMs?: number } = {}): Promise<string> {
    const name = `worker-${++this.started}`;
    this.logLines.set(name, 0);
    const worker = await this.contender.startWorker(
      { connection: this.stage.connection, queues: QUEUES, concurrency: CONCURRENCY, leaseMs: LEASE_MS, clockSkewMs },
      (report) => this.note(name, report),
    );
    this.workers.set(name, worker);
    void worker.gone().then(async () => {
      if (!this.workers.has(name) || this.isOver) return;
      const nowMs = Date.now();
      this.ledger.note({ kind: 'worker-killed', worker: name, atMs: nowMs, healedAtMs: nowMs });
      this.retire(name);
      await this.addWorker();
    });
    return name;
  }

  /** Enqueues a task beside the load, which a scenario may move as it likes. Resolves to its id when it is acknowledged. */
  async enqueue(task: Partial<LoadTask>): Promise<string> {
    const { type = 'work', queue = this.random.pick(QUEUES), ms = 0, processInMs } = task;
    const id = `${queue}/${type}/${++this.extraTasks}`;
    this.ledger.ask(id);
    await this.client.enqueue({ queue, id, type, ms, processInMs });
    this.ledger.answer(id, true);
    return id;
  }

  /** The state in which its queue holds a task. An earlier fault may have left the connection for this dead. */
  async stateOf(id: string): Promise<string | undefined> {
    const look = (): Promise<string | undefined> => this.client.stateOf(queueOf(id), id);
    return look().catch(async () => {
      await sleep(RECONNECT_MS);
      return look();
    });
  }

  async until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) await sleep(CHECK_MS);
  }

  /** A fault that keeps workers from Redis, all of it or some queues: measures what that costs them. */
  async away(kind: FaultKind, inject: () => Promise<unknown>, queues?: readonly string[]): Promise<Fault> {
    const workers = [...this.workers.values()];
    const cpuMs = (): Promise<(number | undefined)[]> => Promise.all(workers.map(({ pid }) => processCpuMs(pid)));
    const before = await cpuMs();
    const sinceMs = performance.now();
    const fault = await this.ledger.during({ kind, queues }, inject);
    const after = await cpuMs();
    const tookMs = performance.now() - sinceMs;
    if (tookMs < SHORTEST_MEASURED_MS) return fault;
    for (const [at, usedMs] of after.entries()) {
      if (usedMs === undefined || before[at] === undefined) continue;
      this.cpuPercent = Math.max(this.cpuPercent ?? 0, (100 * (usedMs - before[at])) / tookMs);
    }
    return fault;
  }

  private note(name: string, { kind, id, atMs }: WorkerReport): void {
    if (isOfTask(kind)) this.ledger.record(name, { kind, id: id!, atMs: atMs! });
    if (kind === 'warn' || kind === 'error') this.logLines.set(name, this.logLines.get(name)! + 1);
  }

  private async play(faults: Iterable<Scenario<S>>): Promise<TrialResult> {
    const { connection, clientConnection = connection } = this.stage;
    const connecting = Array.from({ length: CLIENTS }, () => this.contender.connect(clientConnection));
    const clients = await Promise.all(connecting);
    const loaded = new AbortController();
    const loads = clients.map((client, at) => this.load(client, `client-${at}`, loaded.signal));
    let isStuck = false;
    try {
      await this.ledger.startedSince(0, 10);
      for (const { inject } of faults) {
        await sleep(this.random.between(0, 500));
        const logged = new Map(this.logLines);
        isStuck = !(await this.inTime(async () => {
          await inject(this);
          await this.ledger.startedSince(Date.now(), 10);
        }));
        for (const [worker, lines] of this.logLines) {
          this.mostLogLines = Math.max(this.mostLogLines, lines - (logged.get(worker) ?? 0));
        }
        if (isStuck) break;
      }
    } finally {
      loaded.abort();
      await this.inTime(() => Promise.all(loads));
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
    }
    const isDrained = await this.inTime((over) =>
      Promise.race([Promise.all([this.ledger.settled(), this.drained(over)]), this.drainedForLong(over)]),
    );
    const verdict = await this.ledger.verdict(async (id) => {
      const state = await this.stateOf(id);
      // Once the queues are empty, a task that is to run by its own record is in none of them.
      return state !== undefined && (!isDrained || FINAL_STATES.includes(state));
    });
    const lines = [...this.logLines.values()];
    return {
      ...verdict,
      isDrained,
      isStuck,
      logLinesPerWorker: lines.reduce((sum, count) => sum + count, 0) / lines.length,
      mostLogLines: this.mostLogLines,
      cpuPercent: this.cpuPercent,
    };
  }

  /** Resolves once no queue holds a task that may still run. */
  private async drained(over: AbortSignal): Promise<void> {
    const open = (queue: string): Promise<number> => this.client.openTasks(queue).catch(() => Infinity);
    const isOpen = async (): Promise<boolean> => (await Promise.all(QUEUES.map(open))).some((count) => count > 0);
    while (!over.aborted && (await isOpen())) await sleep(CHECK_MS);
  }

  /** As `drained`, and the workers have told what they did: for tasks that nobody will finish. */
  private async drainedForLong(over: AbortSignal): Promise<void> {
    await this.drained(over);
    await sleep(GONE_MS);
    await this.drained(over);
  }

  /** Whether it ends while there is hope; its signal is set afterwards. */
  private async inTime(run: (over: AbortSignal) => Promise<unknown>): Promise<boolean> {
    const over = new AbortController();
    const late = sleep(PATIENCE_MS + this.abandonedAfterMs, false, { signal: over.signal }).catch(() => false);
    return Promise.race([run(over.signal).then(() => true), late]).finally(() => over.abort());
  }

  /** Each task is enqueued by one call, which is not repeated: an id that was refused may run or not. */
  private async load(client: ContenderClient, name: string, ended: AbortSignal): Promise<void> {
    const random = new SeededRandom(name.length);
    const calls = new Set<Promise<void>>();
    for (let count = 1; !ended.aborted; count++) {
      const queue = random.pick(QUEUES);
      const id = `${queue}/${name}/${count}`;
      const ms = random.between(0, 20) === 0 ? LONG_MS : random.between(0, 40);
      const processInMs = random.between(0, 20) === 0 ? random.between(500, LONGEST_DELAY_MS) : undefined;
      this.ledger.ask(id, Date.now(), processInMs);
      const call = client
        .enqueue({ queue, id, ms, processInMs })
        .then(
          () => this.ledger.answer(id, true),
          () => this.ledger.answer(id, false),
        )
        .finally(() => calls.delete(call));
      calls.add(call);
      await sleep(PERIOD_MS);
    }
    await Promise.all(calls);
  }
}

const OF_TASKS: readonly string[] = [
  'started',
  'ended',
  'failed',
  'succeeded',
  'requeued',
] satisfies TaskReport['kind'][];
const isOfTask = (kind: string): kind is TaskReport['kind'] => OF_TASKS.includes(kind);
