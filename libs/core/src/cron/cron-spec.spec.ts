import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CronSpecError } from '../errors/cron-spec.error.js';
import { parseCronSpec } from './cron-spec.js';

/** What robfig/cron v3.0.1 answered; test/interop/golden/README.md explains the file. */
interface Recording {
  readonly spec: string;
  readonly seconds?: boolean;
  readonly location: string;
  readonly from: string;
  readonly next?: readonly string[];
  readonly error?: string;
}

const golden = new URL('../../../../test/interop/golden/cron.json', import.meta.url);
const recordings = JSON.parse(readFileSync(golden, 'utf8')) as Recording[];

/**
 * When clocks change by half an hour, Go's parser misses the first matching local time after the change. We fire.
 */
const MISSED_BY_GO: Readonly<Record<string, string>> = {
  '0 3 * * * from 2024-10-05T12:00:00Z': '2024-10-05T16:00:00Z',
  '15 2 * * * from 2024-04-06T13:50:00Z': '2024-04-06T15:45:00Z',
};

function ticks({ spec, seconds, location, from }: Recording, count: number): string[] {
  const times = parseCronSpec(spec, { zone: location, seconds });
  const sinceMs = Date.parse(from);
  const found: string[] = [];
  for (let atMs = times.next(sinceMs, sinceMs); atMs !== undefined && found.length < count;) {
    found.push(new Date(atMs).toISOString().replace('.000Z', 'Z'));
    atMs = times.next(atMs, sinceMs);
  }
  return found;
}

function expectedTicks({ spec, location, from, next = [] }: Recording): string[] {
  const missed = location === 'Australia/Lord_Howe' ? MISSED_BY_GO[`${spec} from ${from}`] : undefined;
  return missed === undefined ? [...next] : [missed, ...next].slice(0, next.length);
}

describe('parseCronSpec compared with the recordings from Go', () => {
  const read = recordings.filter(({ error }) => error === undefined);
  const refused = recordings.filter(({ error }) => error !== undefined);

  it('has a meaningful number of them', () => {
    expect([read.length, refused.length]).toEqual([142, 43]);
  });

  it.each(read)('finds the times of "$spec" in $location from $from', (recording) => {
    expect(ticks(recording, 5)).toEqual(expectedTicks(recording));
  });

  it.each(refused)('refuses "$spec" as Go does', ({ spec, seconds, location }) => {
    expect(() => parseCronSpec(spec, { zone: location, seconds })).toThrow(CronSpecError);
  });
});

describe('parseCronSpec', () => {
  it.each([
    ['0 0 * * 7', 'day of week 7 is not between 0 and 6'],
    ['5-1 * * * *', 'minute 5-1 ends before it begins'],
    ['0 0 L * *', '"L" in day of month L is not a number'],
    ['* * * *', '4 fields instead of 5'],
    ['0 * * * * *', '6 fields instead of 5; a seconds field needs the option "seconds"'],
    ['@every 1d', '"1d" is not a duration such as 90s or 1h30m'],
    ['@weakly', 'there is no descriptor @weakly'],
    ['TZ=UTC', 'there is no schedule after the time zone'],
    ['CRON_TZ=+01:00 0 0 * * *', 'there is no time zone "+01:00"'],
  ])('explains what is wrong with "%s"', (spec, reason) => {
    expect(() => parseCronSpec(spec)).toThrow(new CronSpecError(spec, reason));
  });

  it('counts an interval from the same moment in every call', () => {
    const times = parseCronSpec('@every 45s');

    expect([1_000, 44_999, 45_000, 100_000].map((afterMs) => times.next(afterMs, 600))).toEqual([
      45_000, 45_000, 90_000, 135_000,
    ]);
  });

  it('prefers the zone in the spec to the zone option', () => {
    const times = parseCronSpec('CRON_TZ=Asia/Tokyo 0 6 * * *', { zone: 'Europe/Berlin' });

    expect(times.next(Date.parse('2024-07-01T00:00:00Z'), 0)).toBe(Date.parse('2024-07-01T21:00:00Z'));
  });
});
