import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeSchedulerEnqueueEvent,
  decodeSchedulerEntry,
  encodeSchedulerEnqueueEvent,
  encodeSchedulerEntry,
  type SchedulerEntry,
} from './scheduler-entry.js';

const fromHex = (text: string): Buffer => Buffer.from(text, 'hex');

describe('SchedulerEntry', () => {
  it('E1, both ways: an entry that has not fired yet', () => {
    const goHex =
      '0a016512094065766572792031681a0274792a0a517565756528227122292a0b4d6178526574727928332932060890fecfaa063a0b088092b8c398feffffff01';
    const entry: SchedulerEntry = {
      id: 'e',
      spec: '@every 1h',
      taskType: 'ty',
      taskPayload: new Uint8Array(),
      enqueueOptions: ['Queue("q")', 'MaxRetry(3)'],
      nextEnqueueAtMs: 1_700_003_600_000,
      prevEnqueueAtMs: undefined,
    };

    expect(decodeSchedulerEntry(fromHex(goHex))).toEqual(entry);
    expect(encodeSchedulerEntry(entry).toString('hex')).toBe(goHex);
  });

  it('reads an empty and a missing time as 1970, not as never', () => {
    expect(decodeSchedulerEntry(fromHex('0a01653200'))).toMatchObject({ nextEnqueueAtMs: 0, prevEnqueueAtMs: 0 });
  });
});

describe('SchedulerEnqueueEvent', () => {
  it('EV1, both ways: to the nanosecond', () => {
    const goHex = '0a027431120b0880e2cfaa0610959aef3a';
    const event = { taskId: 't1', enqueuedAtNs: 1_700_000_000_123_456_789n };

    expect(decodeSchedulerEnqueueEvent(fromHex(goHex))).toEqual(event);
    expect(encodeSchedulerEnqueueEvent(event).toString('hex')).toBe(goHex);
  });

  it('keeps every nanosecond of the years 1 to 9999', () => {
    const year1To9999 = fc.bigInt({ min: -62_135_596_800_000_000_000n, max: 253_402_300_799_999_999_999n });

    fc.assert(
      fc.property(year1To9999, (enqueuedAtNs) => {
        const bytes = encodeSchedulerEnqueueEvent({ taskId: 't', enqueuedAtNs });

        expect(decodeSchedulerEnqueueEvent(bytes).enqueuedAtNs).toBe(enqueuedAtNs);
      }),
    );
  });
});
