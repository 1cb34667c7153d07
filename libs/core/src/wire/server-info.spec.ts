import { describe, expect, it } from 'vitest';
import { MessageDecodeError } from '../errors/message-decode.error.js';
import {
  decodeServerInfo,
  decodeWorkerInfo,
  encodeServerInfo,
  encodeWorkerInfo,
  type ServerInfo,
  type WorkerInfo,
} from './server-info.js';

const fromHex = (text: string): Buffer => Buffer.from(text, 'hex');

/** The vectors hold 1700000000.123456789 s; our clock has milliseconds, so we write .123. */
const NANOS = '10959aef3a';
const CUT_TO_MS = '10c0a9d33a';

const server: ServerInfo = {
  host: 'h',
  pid: 42,
  serverId: 's',
  concurrency: 10,
  queues: { default: 6 },
  strictPriority: true,
  status: 'active',
  startedAtMs: 1_700_000_000_123,
  activeWorkerCount: 2,
};

const worker: WorkerInfo = {
  host: 'h',
  pid: 42,
  serverId: 's',
  taskId: 't1',
  taskType: 'ty',
  taskPayload: new TextEncoder().encode('p'),
  queue: 'q',
  startedAtMs: 1_700_000_000_123,
  deadlineMs: 1_700_001_800_000,
};

describe('ServerInfo', () => {
  const S1 = '0a0168102a1a0173200a2a0b0a0764656661756c74100630013a06616374697665420b0880e2cfaa0610959aef3a4802';

  it('S1, both ways', () => {
    expect(decodeServerInfo(fromHex(S1))).toEqual(server);
    expect(encodeServerInfo(server).toString('hex')).toBe(S1.replace(NANOS, CUT_TO_MS));
  });

  it('reads a missing start time as 1970, as asynq 0.25 does', () => {
    expect(decodeServerInfo(fromHex('0a0168')).startedAtMs).toBe(0);
  });

  it('refuses a record that is cut short', () => {
    expect(() => decodeServerInfo(fromHex(S1.slice(0, -6)))).toThrow(MessageDecodeError);
  });
});

describe('WorkerInfo', () => {
  const W1 = '0a0168102a1a0173220274312a0274793201703a0171420b0880e2cfaa0610959aef3a4a060888f0cfaa06';

  it('W1, both ways', () => {
    expect(decodeWorkerInfo(fromHex(W1))).toEqual(worker);
    expect(encodeWorkerInfo(worker).toString('hex')).toBe(W1.replace(NANOS, CUT_TO_MS));
  });

  it('writes a deadline after the year 9999 as its end, since asynq 0.24 skips the record otherwise', () => {
    const decoded = decodeWorkerInfo(encodeWorkerInfo({ ...worker, deadlineMs: Number.MAX_SAFE_INTEGER * 1000 }));

    expect(new Date(decoded.deadlineMs).toISOString()).toBe('9999-12-31T23:59:59.999Z');
  });

  it('writes half a surrogate pair as U+FFFD, so that Go can read the record', () => {
    const decoded = decodeWorkerInfo(encodeWorkerInfo({ ...worker, host: 'h\ud800' }));

    expect(decoded.host).toBe('h\ufffd');
  });
});
