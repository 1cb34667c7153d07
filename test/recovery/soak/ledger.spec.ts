import { describe, expect, it } from 'vitest';
import { type FaultKind, Ledger, NO_CAUSE, type TaskReport } from './ledger.js';

const NOWHERE = (): Promise<boolean> => Promise.resolve(false);

/** A ledger with one acknowledged task: asked at 0, answered at 10. */
function ledgerOf(...reports: [worker: string, kind: TaskReport['kind'], atMs: number][]): Ledger {
  const ledger = new Ledger();
  ledger.ask('a', 0);
  ledger.answer('a', true, 10);
  for (const [worker, kind, atMs] of reports) ledger.record(worker, { kind, id: 'a', atMs });
  return ledger;
}

const note = (ledger: Ledger, kind: FaultKind, atMs: number, healedAtMs: number, worker?: string): void =>
  ledger.note({ kind, worker, atMs, healedAtMs });

describe('the ledger', () => {
  it('finds a task lost that no handler has finished and no queue holds', async () => {
    expect(await ledgerOf().verdict(NOWHERE)).toMatchObject({ acknowledged: 1, lost: ['a'], queued: [] });
    expect(await ledgerOf(['w1', 'started', 20]).verdict(NOWHERE)).toMatchObject({ lost: ['a'] });
    expect(await ledgerOf(['w1', 'started', 20], ['w1', 'failed', 30]).verdict(NOWHERE)).toMatchObject({ lost: ['a'] });
    expect(await ledgerOf(['w1', 'started', 20], ['w1', 'ended', 30]).verdict(NOWHERE)).toMatchObject({ lost: [] });
    expect(await ledgerOf().verdict(() => Promise.resolve(true))).toMatchObject({ lost: [], queued: ['a'] });
  });

  it('finds the first of some workers on which a handler runs', async () => {
    const ledger = ledgerOf(['w1', 'started', 20], ['w1', 'ended', 30], ['w2', 'started', 40]);

    expect(await ledger.busyOf(['w1', 'w2'])).toBe('w2');
  });

  it('waits until a handler runs on one of some workers', async () => {
    const ledger = ledgerOf(['w1', 'started', 20], ['w1', 'ended', 30]);

    const found = ledger.busyOf(['w1', 'w2']);
    ledger.record('w1', { kind: 'started', id: 'a', atMs: 40 });

    expect(await found).toBe('w1');
  });

  it('does not miss a task whose call was refused', async () => {
    const ledger = new Ledger();
    ledger.ask('a', 0);
    ledger.answer('a', false, 10);

    expect(await ledger.verdict(NOWHERE)).toMatchObject({ acknowledged: 0, refused: 1, lost: [] });
  });

  it.each<{ first: [TaskReport['kind'], number][]; fault: FaultKind; cause: string }>([
    { first: [], fault: 'worker-killed', cause: 'its worker was killed while the handler ran' },
    { first: [['ended', 30]], fault: 'worker-killed', cause: 'its worker was killed before the outcome was stored' },
    { first: [['failed', 300]], fault: 'worker-frozen', cause: 'its worker was frozen past its lease' },
    { first: [['requeued', 30]], fault: 'service', cause: 'its worker shut down' },
    {
      first: [['ended', 30]],
      fault: 'service',
      cause: 'its lease or outcome could not be stored during a fault of Redis',
    },
    {
      first: [
        ['ended', 30],
        ['succeeded', 40],
      ],
      fault: 'failover',
      cause: 'a failover undid its outcome',
    },
    {
      first: [
        ['ended', 5],
        ['succeeded', 6],
      ],
      fault: 'service',
      cause: 'one enqueue was written twice',
    },
    {
      first: [
        ['ended', 30],
        ['succeeded', 40],
      ],
      fault: 'worker-killed',
      cause: NO_CAUSE,
    },
  ])('names the cause of a second execution: $cause', async ({ first, fault, cause }) => {
    const ledger = ledgerOf(['w1', 'started', 4]);
    for (const [kind, atMs] of first) ledger.record('w1', { kind, id: 'a', atMs });
    ledger.record('w2', { kind: 'started', id: 'a', atMs: 200 });
    note(ledger, fault, 50, 100, fault.startsWith('worker') ? 'w1' : undefined);

    expect((await ledger.verdict(NOWHERE)).causes).toEqual({ [cause]: 1 });
  });

  it('takes no fault for a cause that hit another worker, or ended before the task began', async () => {
    const ledger = ledgerOf(['w1', 'started', 60], ['w2', 'started', 200]);
    note(ledger, 'worker-killed', 100, 100, 'w3');
    note(ledger, 'service', 20, 50);

    expect((await ledger.verdict(NOWHERE)).causes).toEqual({ [NO_CAUSE]: 1 });
  });

  it('knows that a worker had a task when it was frozen, and began it afterwards', async () => {
    const ledger = ledgerOf(['w1', 'started', 100], ['w1', 'ended', 110], ['w1', 'succeeded', 120]);
    note(ledger, 'worker-frozen', 50, 200, 'w2');
    ledger.record('w2', { kind: 'started', id: 'a', atMs: 203 });
    ledger.record('w2', { kind: 'failed', id: 'a', atMs: 210 });

    const { causes } = await ledger.verdict(NOWHERE);

    expect(causes).toEqual({ 'a worker was frozen past the lease between the fetch and the handler': 1 });
  });

  it.each([
    [1_000, 'Redis came back without its outcome'],
    [5_000, NO_CAUSE],
  ])('knows whether an outcome may not have been on the disk of a Redis killed at %i', async (killedAtMs, cause) => {
    const ledger = ledgerOf(['w1', 'started', 20], ['w1', 'ended', 30], ['w1', 'succeeded', 40]);
    note(ledger, 'restart', killedAtMs, killedAtMs + 500);
    ledger.record('w2', { kind: 'started', id: 'a', atMs: killedAtMs + 1_000 });

    expect((await ledger.verdict(NOWHERE)).causes).toEqual({ [cause]: 1 });
  });

  it.each([
    ['asynq:{q}:t:q/a', 1],
    ['asynq:{q}:pending', 1],
    ['asynq:{q}:t:q/b', 0],
    ['asynq:{other}:pending', 0],
  ])('knows whether a lost task was evicted, when Redis evicts %s', async (key, evicted) => {
    const ledger = new Ledger();
    ledger.ask('q/a', 0);
    ledger.answer('q/a', true, 10);
    ledger.noteEvicted(key, 20);

    expect(await ledger.verdict(NOWHERE)).toMatchObject({ lost: ['q/a'], evicted });
  });

  it('counts tasks that began before they were due', async () => {
    const ledger = new Ledger();
    ledger.ask('a', 0, 1_000);
    ledger.record('w1', { kind: 'started', id: 'a', atMs: 900 });

    expect(await ledger.verdict(NOWHERE)).toMatchObject({ early: 1 });
  });

  it('measures how long the tasks of a killed worker had to wait', async () => {
    const ledger = ledgerOf(['w1', 'started', 20], ['w2', 'started', 5_050]);
    note(ledger, 'worker-killed', 50, 50, 'w1');

    expect(await ledger.verdict(NOWHERE)).toMatchObject({ faults: 1, recoveryP50Ms: 5_000, recoveryP99Ms: 5_000 });
  });

  it('measures the time from the end of a fault to the start of a task enqueued after it', async () => {
    const ledger = ledgerOf(['w1', 'started', 250]);
    note(ledger, 'service', 50, 200);
    ledger.ask('b', 210);
    ledger.record('w1', { kind: 'started', id: 'b', atMs: 320 });

    expect(await ledger.verdict(NOWHERE)).toMatchObject({ recoveryP50Ms: 120 });
  });
});
