import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { UsageError } from '../usage.error.js';
import { parsePointInTime } from './point-in-time.js';

const nowMs = Date.parse('2026-03-05T12:00:00Z');

describe('a point in time', () => {
  beforeAll(() => void vi.stubEnv('TZ', 'Europe/Berlin'));
  afterAll(() => vi.unstubAllEnvs());

  it.each([
    ['2026-03-01T10:00:00Z', '2026-03-01T10:00:00.000Z'],
    ['2026-03-01 10:00:00+02:00', '2026-03-01T08:00:00.000Z'],
    ['2026-03-01T10:00', '2026-03-01T09:00:00.000Z'],
    ['2026-03-01', '2026-02-28T23:00:00.000Z'],
    ['24h', '2026-03-04T12:00:00.000Z'],
    ['-90m', '2026-03-05T10:30:00.000Z'],
    ['+1h30m', '2026-03-05T13:30:00.000Z'],
    ['7d', '2026-02-26T12:00:00.000Z'],
    ['1d12h', '2026-03-04T00:00:00.000Z'],
    ['0', '2026-03-05T12:00:00.000Z'],
  ])('is "%s"', (text, at) => {
    expect(parsePointInTime('from', text, { nowMs }).toISOString()).toBe(at);
  });

  it('is the end of a day on request', () => {
    expect(parsePointInTime('to', '2026-03-01', { nowMs, isEnd: true }).toISOString()).toBe('2026-03-01T22:59:59.999Z');
  });

  it.each([
    ...['', 'soon', '24', '+', '1x', 'd', '2026-02-31', '2026-13-01T00:00:00Z'],
    ...['2026-02-31T00:00:00Z', '2026-04-31 10:00:00+02:00', '2027-02-29T10:00', '2026-01-00T10:00'],
  ])('is not "%s"', (text) => {
    expect(() => parsePointInTime('from', text, { nowMs })).toThrow(UsageError);
  });
});
