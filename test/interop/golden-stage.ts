import {
  Client,
  type Handler,
  Inspector,
  InvalidOptionsError,
  Server,
  type ServeMux,
  type ServerOptions,
  silentLogger,
  type TaskEvent,
} from '@nestjs-asynq/core';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { SteppingClock } from '../support/test-queue.js';
import { Conditions } from '../support/conditions.js';
import type { RedisServer } from '../support/redis-server.js';
import { DIFFERENCES, LEFT_OUT, OWN_KEYS, REFUSED } from './golden-differences.js';
import { factName, type Facts, keyOf, readFacts } from './golden-facts.js';
import { ExpectedFacts, type RecordedStep, recording, type Span } from './golden-recording.js';

/** How far `pass` moves the clock between two checks. */
const TICK_MS = 50;
/** Real-time limit of a condition. */
const PATIENCE_MS = 20_000;

/**
 * Plays one recorded scenario with our parts. After each step all of Redis must be as Go left it, except for the
 * differences listed for the step. Time stands still unless the test moves it, so that scores are predictable.
 */
export class GoldenStage implements AsyncDisposable {
  readonly clock: SteppingClock;
  readonly client: Client;
  readonly inspector: Inspector;
  /** For changes that Go or time makes, and neither client nor server. */
  readonly redis: Redis;
  /** Blocks handlers until `release`. */
  readonly held: Promise<void>;
  private readonly events: TaskEvent[] = [];
  private readonly conditions = new Conditions();
  private readonly connection: { readonly url: string };
  private readonly goLeaves = new ExpectedFacts();
  private readonly weLeave = new ExpectedFacts();
  private readonly played = new Set<number>();
  private readonly servers: Server[] = [];
  private letGo: () => void = () => undefined;

  /** @param startMs start of the clock; default: the time of Redis, 0.4 s into a second */
  constructor(
    server: RedisServer,
    private readonly scenario: string,
    startMs = Math.floor(Date.now() / 1000) * 1000 + 400,
  ) {
    this.connection = { url: server.url };
    this.clock = new SteppingClock(startMs);
    this.redis = new Redis(server.url);
    this.client = new Client(this.withClock());
    this.inspector = new Inspector(this.withClock());
    this.held = new Promise((resolve) => (this.letGo = resolve));
  }

  release(): void {
    this.letGo();
  }

  /** Options of a part on this stage. */
  withClock(): Required<Pick<ServerOptions, 'connection' | 'clock' | 'logger'>> {
    return { connection: this.connection, clock: this.clock, logger: silentLogger };
  }

  /** A server on the clock of the stage, in one thread: a thread of its own would not see that clock. */
  async serve(handler: ServeMux | Handler, options: Partial<ServerOptions> = {}): Promise<Server> {
    const onEvent = (event: TaskEvent): void => {
      this.events.push(event);
      this.conditions.check();
    };
    const server = new Server({ ...this.withClock(), heartbeat: 'inline', concurrency: 10, onEvent, ...options });
    this.servers.push(server);
    await server.start(handler);
    return server;
  }

  /** Serves until the given number of tasks have had this event since the start of the scenario, then shuts down. */
  async serveUntil(
    kind: TaskEvent['kind'],
    count: number,
    ...serving: Parameters<GoldenStage['serve']>
  ): Promise<void> {
    const server = await this.serve(...serving);
    await this.untilEvent(kind, count);
    await server.shutdown();
  }

  /** Waits until the given number of tasks have had this event since the start of the scenario. */
  async untilEvent(kind: TaskEvent['kind'], count = 1): Promise<void> {
    await this.conditions.until(() => this.count(kind) >= count);
  }

  count(kind: TaskEvent['kind']): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  /** Checks Redis until the condition holds; the clock stands still. */
  async until(holds: () => Promise<boolean>, betweenLooks?: () => Promise<void>): Promise<void> {
    const giveUpAtMs = Date.now() + PATIENCE_MS;
    while (!(await holds())) {
      if (Date.now() > giveUpAtMs) throw new Error(`condition not met: ${holds.toString()}`);
      await betweenLooks?.();
    }
  }

  /** As `until`, and time passes, but slowly enough for Redis to answer in it. */
  async pass(holds: () => Promise<boolean>): Promise<void> {
    await this.until(holds, async () => {
      await this.redis.ping();
      await this.clock.advance(TICK_MS);
    });
  }

  /** Lets time pass until the server has published a change and extended the leases of these tasks, by queue. */
  async nextBeat(tasks: Readonly<Record<string, string>>): Promise<void> {
    const [serverKey] = await this.redis.keys('asynq:servers:*');
    const written = (): Promise<(string | null)[]> =>
      Promise.all([
        this.redis.get(serverKey!),
        ...Object.entries(tasks).map(([queue, id]) => this.redis.zscore(`asynq:{${queue}}:lease`, id)),
      ]);
    const before = await written();
    await this.pass(async () => (await written()).every((value, index) => value !== before[index]));
  }

  /** The message that Go left in a task's hash at a step. */
  recordedMessage(number: number, key: string): Readonly<Record<string, unknown>> {
    const { hash } = this.step(number).changes![key] as { hash: { msg: Record<string, unknown> } };
    return hash.msg;
  }

  step(number: number): RecordedStep {
    return recording[this.scenario]!.steps[number - 1]!;
  }

  /** Plays a step, and compares all of Redis; of bulk work the count too. */
  async play(number: number, act: () => Promise<unknown>): Promise<void> {
    let answer: unknown;
    const span = await this.run(number, async () => (answer = await act()));
    this.applyDifferences(number, span);
    const { op, returned } = this.step(number);
    if (returned) expect([answer], `answer of step ${number}: ${op}`).toEqual(returned);

    const { expected, actual } = this.weLeave.compare(withoutOwnKeys(await readFacts(this.redis)));
    expect(actual, `step ${number}: ${op}`).toEqual(expected);
  }

  /** Plays a step that only reads: our inspector must return the same as Go's. */
  async read(number: number, look: () => Promise<readonly unknown[]>): Promise<void> {
    const { op, returned } = this.step(number);
    expect(await look(), `step ${number}: ${op}`).toEqual(returned);
    this.notePlayed(number);
  }

  /** Plays a step that Go refuses: ours must fail as well, and write nothing. */
  async fail(number: number, act: () => unknown, failure: new (...args: never[]) => Error): Promise<void> {
    const { op, error } = this.step(number);
    if (!error) throw new Error(`step ${number} is not recorded as refused: ${op}`);
    const before = await this.lasting();

    await expect((async () => act())(), `step ${number}: ${op}`).rejects.toBeInstanceOf(failure);

    expect(await this.lasting()).toEqual(before);
    this.notePlayed(number);
  }

  /** Plays a step for which the recording only shows that Go did not refuse it. */
  async succeed(number: number, act: () => Promise<unknown>): Promise<void> {
    const { op, error, returned, changes } = this.step(number);
    if (error ?? returned ?? changes) throw new Error(`step ${number} has further recorded results: ${op}`);
    await act();
    this.notePlayed(number);
  }

  /** Plays a step that Go accepts and we refuse; `REFUSED` says why. Nothing may be written. */
  async refuse(number: number, act: () => Promise<unknown>): Promise<void> {
    const refusal = REFUSED[this.scenario]?.find(({ step }) => step === number);
    if (!refusal) throw new Error(`step ${number} is not listed as refused`);
    const before = await this.lasting();

    await this.run(number, () => expectRefusal(act, refusal.option));

    expect(await this.lasting()).toEqual(before);
  }

  /** Steps that were not played, though they are not listed as left out or a difference is listed for them. */
  missing(): number[] {
    const due = recording[this.scenario]!.steps.map((_, index) => index + 1).filter((step) => !this.isLeftOut(step));
    const different = (DIFFERENCES[this.scenario] ?? []).map(({ step }) => step);
    return [...new Set([...due, ...different])].filter((step) => !this.played.has(step));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    await Promise.all(this.servers.map((server) => server.shutdown()));
    await Promise.all([this.client.close(), this.inspector.close()]);
    await this.redis.flushall();
    this.redis.disconnect();
  }

  /** The content of Redis without TTLs. */
  private async lasting(): Promise<object> {
    const facts = [...(await readFacts(this.redis))];
    return Object.fromEntries(facts.filter(([name]) => !name.endsWith(' ttl_s')));
  }

  private isLeftOut(number: number): boolean {
    return (LEFT_OUT[this.scenario] ?? []).some(({ steps, part }) => part === undefined && steps.includes(number));
  }

  private notePlayed(number: number): void {
    if (this.isLeftOut(number)) throw new Error(`step ${number} is listed as left out, and was played`);
    this.played.add(number);
  }

  /** Performs the step, and records the changes of Go's call. */
  private async run(number: number, act: () => Promise<unknown>): Promise<Span> {
    const redisFromMs = Date.now();
    const fromMs = this.clock.nowMs();
    await act();
    const span: Span = { redisFromMs, fromMs, toMs: this.clock.nowMs() };
    this.goLeaves.noteSpan(number, span);
    this.weLeave.noteSpan(number, span);
    const refusals = (REFUSED[this.scenario] ?? []).filter(({ step }) => step <= number);
    const { changes } = this.step(number);
    this.goLeaves.apply(changes, span);
    this.weLeave.apply(
      changes,
      span,
      refusals.flatMap(({ absent = [] }) => absent),
    );
    this.notePlayed(number);
    return span;
  }

  /** Applies the listed differences of the step. Each row must name Go's value, and a different one. */
  private applyDifferences(number: number, span: Span): void {
    for (const { step, key, field, go, ours, until } of DIFFERENCES[this.scenario] ?? []) {
      if (until === number) this.weLeave.set(key, field, null, span);
      if (step !== number) continue;
      expect(this.goLeaves.notation(key, field), `${key} ${field}, as Go leaves it at step ${number}`).toEqual(go);
      expect(ours, `${key} ${field} is different`).not.toEqual(go);
      this.weLeave.set(key, field, ours, span);
    }
  }
}

/** The call must fail for this option only. */
export async function expectRefusal(act: () => Promise<unknown>, option: string): Promise<void> {
  const refused = await act().then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(InvalidOptionsError);
  expect((refused as InvalidOptionsError).problems.map((problem) => problem.option)).toEqual([option]);
}

/** Removes the keys that only we write, as long as they are as listed. */
function withoutOwnKeys(facts: Facts): Facts {
  for (const key of new Set([...facts.keys()].map(keyOf))) {
    const own = OWN_KEYS.find(({ pattern }) => pattern.test(key));
    if (!own) continue;
    const ttl = factName(key, 'ttl_s');
    const values = [...facts.keys()].filter((name) => keyOf(name) === key && name !== ttl);
    const value = factName(key, own.type);
    expect(
      values.every((name) => name === value || name.startsWith(`${value}.`)),
      `${key} is a ${own.type}`,
    ).toBe(true);
    expect(facts.get(ttl), ttl).toBeLessThanOrEqual(own.longestTtlS);
    for (const name of [...values, ttl]) facts.delete(name);
  }
  return facts;
}
