import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { LeaseRecord, LeaseSegment, type RecordContent, RECORDS_PER_SEGMENT } from './lease-record.js';

const A = 1_700_000_030;
const B = 1_700_000_035;

const content = (differences: Partial<RecordContent> = {}): RecordContent => ({
  key: 1,
  leaseExpiresAtS: A,
  queue: 0,
  id: 'a',
  returnAtMs: undefined,
  endsAtMs: 60_000,
  ...differences,
});

function openRecord(differences: Partial<RecordContent> = {}) {
  const segment = new LeaseSegment();
  const main = new LeaseRecord(segment, 0);
  main.write(content(differences));
  return { segment, main, heartbeat: new LeaseRecord(new LeaseSegment(segment.buffer), 0) };
}

describe('LeaseRecord', () => {
  it('keeps the tasks of a segment separate, and shares them through its buffer', () => {
    const segment = new LeaseSegment();
    const slots = [0, 1, RECORDS_PER_SEGMENT - 1];
    for (const slot of slots) {
      const times = { returnAtMs: slot + 0.5, endsAtMs: slot + 0.25 };
      new LeaseRecord(segment, slot).write(
        content({ key: slot + 7, id: `task-${slot}`, queue: slot + 9, leaseExpiresAtS: A + slot, ...times }),
      );
    }

    const elsewhere = slots.map((slot) => new LeaseRecord(new LeaseSegment(segment.buffer), slot));
    const held = elsewhere.map(({ key, id, queue, confirmedS, pendingS, returnAtMs, endsAtMs }) => {
      return [key, id, queue, confirmedS, pendingS, returnAtMs, endsAtMs];
    });
    new LeaseRecord(segment, 1).begin(1.25);

    expect(held).toEqual(slots.map((n) => [n + 7, `task-${n}`, n + 9, A + n, 0, n + 0.5, Infinity]));
    expect(elsewhere.map(({ endsAtMs }) => endsAtMs)).toEqual([Infinity, 1.25, Infinity]);
    expect(new LeaseRecord(segment, 2).isInHand).toBe(false);
  });

  it('holds times far beyond 2038', () => {
    const far = 4_200_000_000;

    expect(openRecord({ leaseExpiresAtS: far }).heartbeat.confirmedS).toBe(far);
  });

  it.each([
    ['a UUID', '0e9ecf5c-6d1c-4a5b-9a6e-8b1b5a1c6f60', true],
    ['56 characters', 'x'.repeat(56), true],
    ['57 characters', 'x'.repeat(57), false],
    ['Latin letters', 'blåbærsyltetøy', true],
    ['other letters', 'задача', false],
    ['nothing', '', true],
  ])('holds an id of %s, or says that it does not fit', (_, id, fits) => {
    const record = new LeaseRecord(new LeaseSegment(), 0);

    expect(record.write(content({ id }))).toBe(fits);
    expect(record.id).toBe(fits ? id : undefined);
  });

  it('begins a held task, unless it was taken back', () => {
    const begun = openRecord({ returnAtMs: 1 });
    const returned = openRecord({ returnAtMs: 1 });

    expect([begun.main.begin(2), begun.heartbeat.takeBack()]).toEqual([true, false]);
    expect([returned.heartbeat.takeBack(), returned.main.begin(2)]).toEqual([true, false]);
    expect([begun.heartbeat.isInHand, returned.heartbeat.isInHand]).toEqual([true, false]);
  });

  it('holds a task again that was not returned, unless it has ended', () => {
    const held = openRecord({ returnAtMs: 1 });
    const ended = openRecord({ returnAtMs: 1 });
    for (const { heartbeat } of [held, ended]) heartbeat.takeBack();
    ended.main.end();

    for (const { heartbeat } of [held, ended]) heartbeat.holdAgain();

    expect([held.main.begin(2), ended.main.begin(2)]).toEqual([true, false]);
  });

  it('takes back no task that runs, is kept, or is held without end', () => {
    const { main, heartbeat } = openRecord();
    const running = heartbeat.takeBack();
    main.keep();
    const kept = [heartbeat.takeBack(), heartbeat.endsAtMs];
    const other = openRecord();
    other.main.hold();

    expect([running, ...kept]).toEqual([false, false, Infinity]);
    expect([other.heartbeat.isHeld, other.heartbeat.returnAtMs]).toEqual([true, Infinity]);
  });

  it('is not free before the heartbeat has released it', () => {
    const { main, heartbeat } = openRecord();
    heartbeat.seize();
    main.end();

    const states = [main.isFree, heartbeat.isInHand];
    heartbeat.release();

    expect([...states, main.isFree]).toEqual([false, false, true]);
  });

  it('is seized for the task that the heartbeat means, once', () => {
    const { main, heartbeat } = openRecord({ key: 7 });

    expect([heartbeat.seize(6), heartbeat.seize(7), heartbeat.seize(7)]).toEqual([false, true, false]);
    heartbeat.release();
    main.end();
    expect(heartbeat.seize(7)).toBe(false);
  });

  it('names both scores while an extension is pending', () => {
    const { main, heartbeat } = openRecord();

    heartbeat.propose(B);
    const pending = heartbeat.scoresS;
    heartbeat.confirm(B);

    expect([pending, heartbeat.scoresS, main.confirmedS, main.pendingS]).toEqual([[A, B], [B], B, 0]);
  });

  it('loses a task in hand, and none that has ended', () => {
    const { main, heartbeat } = openRecord();
    const lost = [heartbeat.lose(), heartbeat.lose()];
    main.end();

    expect([...lost, heartbeat.lose(), main.isFree]).toEqual([true, false, false, true]);
  });
});

/**
 * Runs code in a thread, with the class as compiled and the given memory. Resolves when the thread runs, with a promise of
 * what it posts.
 */
async function inThread<T>(code: string, buffers: readonly SharedArrayBuffer[]): Promise<{ posted: Promise<T> }> {
  const source = readFileSync(fileURLToPath(new URL('./lease-record.ts', import.meta.url)), 'utf8');
  const { outputText } = ts.transpileModule(source, { compilerOptions: { module: ts.ModuleKind.CommonJS } });
  const worker = new Worker(
    `${outputText}
     const { parentPort, workerData } = require('node:worker_threads');
     const segment = new exports.LeaseSegment(workerData[0]);
     const records = Array.from({ length: exports.RECORDS_PER_SEGMENT }, (_, slot) => new exports.LeaseRecord(segment, slot));
     const signal = new Int32Array(workerData[1]);
     parentPort.postMessage('ready');
     ${code}`,
    { eval: true, workerData: buffers, execArgv: [] },
  );
  await once(worker, 'message');
  const posted = once(worker, 'message').then(([message]) => message as T);
  return { posted };
}

describe('LeaseRecord, by two threads at once', () => {
  const open = () => {
    const segment = new LeaseSegment();
    const records = Array.from({ length: RECORDS_PER_SEGMENT }, (_, slot) => new LeaseRecord(segment, slot));
    const signal = new Int32Array(new SharedArrayBuffer(8));
    return { records, signal, buffers: [segment.buffer, signal.buffer] };
  };
  const until = (signal: Int32Array, word: number, isReached: (value: number) => boolean): void => {
    while (!isReached(Atomics.load(signal, word))) Atomics.wait(signal, word, Atomics.load(signal, word), 1);
  };

  it('begins each held task or returns it, never both', async () => {
    const [FEWEST_ROUNDS, MOST_ROUNDS] = [100, 5_000];
    const { records, signal, buffers } = open();
    const { posted } = await inThread<boolean[][]>(
      `const returned = [];
       for (let round = 1; ; round++) {
         let begun;
         do begun = Atomics.load(signal, 0); while (begun !== round && begun !== -1);
         if (begun === -1) break;
         Atomics.store(signal, 1, -round);
         returned.push(records.map((record) => record.seize() && (record.takeBack() || (record.release(), false))));
         for (const record of records) record.release();
         Atomics.store(signal, 1, round);
       }
       parentPort.postMessage(returned);`,
      buffers,
    );

    const begun: boolean[][] = [];
    const seen = new Set<boolean>();
    // On a busy machine a thread may be through before the other one gets its turn.
    for (let round = 1; round <= FEWEST_ROUNDS || (seen.size < 2 && round <= MOST_ROUNDS); round++) {
      for (const { slot } of records) records[slot]!.write(content({ key: slot, returnAtMs: 1 }));
      Atomics.store(signal, 0, round);
      while (Math.abs(Atomics.load(signal, 1)) !== round); // both begin at once, at opposite ends
      const taken: boolean[] = [];
      for (const record of records.toReversed()) taken[record.slot] = record.begin(1);
      begun.push(taken);
      for (const isBegun of taken) seen.add(isBegun);
      until(signal, 1, (done) => done === round);
      for (const record of records) record.end();
    }
    Atomics.store(signal, 0, -1);

    const returned = await posted;
    expect(begun.map((taken) => taken.map((isBegun) => !isBegun))).toEqual(returned);
    expect(seen).toEqual(new Set([false, true]));
  });

  it('never writes a score into the record of a later task', async () => {
    const { records, signal, buffers } = open();
    const { posted } = await inThread<number>(
      `let extended = 0;
       Atomics.store(signal, 1, 1);
       while (Atomics.load(signal, 0) === 0) {
         for (const record of records.slice(0, 4)) {
           if (!record.seize()) continue;
           record.propose(2 * record.key + 1);
           record.confirm(record.pendingS);
           record.release();
           extended++;
         }
       }
       parentPort.postMessage(extended);`,
      buffers,
    );
    const wrong: number[] = [];
    let seen = 0;

    until(signal, 1, (count) => count > 0);
    for (let key = 1; key < 200_000; key++) {
      const record = records[key % 4]!;
      if (!record.isFree) continue;
      record.write(content({ key, leaseExpiresAtS: 2 * key }));
      if (key % 16 === 0) Atomics.wait(signal, 0, 0, 0.01); // lets the thread come in
      for (const score of [record.confirmedS, record.pendingS]) {
        if (score !== 0 && score >>> 1 !== key) wrong.push(score);
      }
      if (record.confirmedS === 2 * key + 1) seen++;
      record.end();
    }
    Atomics.store(signal, 0, 1);

    expect(wrong).toEqual([]);
    expect(seen).toBeGreaterThan(0);
    expect(await posted).toBeGreaterThanOrEqual(seen);
  });
});
