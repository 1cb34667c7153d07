import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CronSpecError } from '../errors/cron-spec.error.js';
import { FIELD_KINDS, parseCronField } from './cron-field.js';
import { parseCronSpec } from './cron-spec.js';
import { TimeZone } from './time-zone.js';

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
    expect([read.length, refused.length]).toEqual([145, 48]);
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
    [
      'CRON_TZ=+01:00 0 0 * * *',
      'there is no time zone "+01:00" in the IANA database; a name is such as Europe/London',
    ],
    ['CRON_TZ=BST 0 0 * * *', 'there is no time zone "BST" in the IANA database; a name is such as Europe/London'],
  ])('explains what is wrong with "%s"', (spec, reason) => {
    expect(() => parseCronSpec(spec)).toThrow(new CronSpecError(spec, reason));
  });

  it.each([5n, Symbol('daily'), null, undefined, { spec: '@daily' }, Object.create(null)])(
    'explains that it is not text: %o',
    (spec) => {
      expect(() => parseCronSpec(spec as string)).toThrow(/^cron spec .{1,20}: it is not text$/);
    },
  );

  it('shows no more than the beginning of what is too long', () => {
    const long = 'x'.repeat(1_001);

    expect(() => parseCronSpec(long)).toThrow(/^cron spec "x{80}…": it is longer than 1000 characters$/);
    expect(() => parseCronSpec('@daily', { zone: long })).toThrow(/: there is no time zone "x{80}…" in /);
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

/**
 * Clock changes at midnight, by half an hour, by two hours, by a whole day, and back before the day began. Around some
 * of them robfig/cron fires at other times than those that the fields name, or loops for ever.
 */
describe.each([
  ['America/Sao_Paulo', '2018-11-03'],
  ['America/St_Johns', '2008-11-01'],
  ['Asia/Beirut', '2022-03-26'],
  ['Africa/Cairo', '2023-04-27'],
  ['Pacific/Chatham', '2006-03-18'],
  ['Pacific/Apia', '2011-12-29'],
  ['Antarctica/Troll', '2024-03-30'],
  ['Australia/Lord_Howe', '2024-04-06'],
])('in %s, from %s on', (zone, day) => {
  const specs = ['*/15 0-4 * * *', '59 * * * sat,sun', '30 3 28-31 * *', '0 0 * * *', '7 1,23 * * fri'];

  it.each(specs)('"%s" fires at each minute whose local time matches, and at no other', (spec) => {
    const fromMs = Date.parse(`${day}T00:00:00Z`) - 60_000;
    const untilMs = fromMs + 4 * 86_400_000;
    const times = parseCronSpec(spec, { zone });
    const found: number[] = [];
    for (let atMs = times.next(fromMs, 0)!; atMs < untilMs; atMs = times.next(atMs, 0)!) found.push(atMs);

    const minutes = Array.from({ length: (untilMs - fromMs) / 60_000 - 1 }, (_, at) => fromMs + (at + 1) * 60_000);
    expect(found).toEqual(minutes.filter(matcherOf(spec, zone)));
  });
});

/** Asks for the local time of each minute. */
function matcherOf(spec: string, zone: string): (atMs: number) => boolean {
  const kinds = [
    FIELD_KINDS.minute,
    FIELD_KINDS.hour,
    FIELD_KINDS.dayOfMonth,
    FIELD_KINDS.month,
    FIELD_KINDS.dayOfWeek,
  ];
  const fields = spec.split(' ').map((text, at) => parseCronField(text, kinds[at]!).values);
  const format = new TimeZone(zone);
  return (atMs) => {
    const local = new Date(atMs + format.offsetMs(atMs));
    const values = [
      local.getUTCMinutes(),
      local.getUTCHours(),
      local.getUTCDate(),
      local.getUTCMonth() + 1,
      local.getUTCDay(),
    ];
    return values.every((value, at) => fields[at]!.has(value));
  };
}
