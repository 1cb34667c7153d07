import { CronSpecError } from '../errors/cron-spec.error.js';
import { show } from '../errors/invalid-options.error.js';
import { parseGoDuration } from '../wire/go-duration.js';
import { parseCronField, FIELD_KINDS } from './cron-field.js';
import { type CronFields, CronTicks, IntervalTicks, type TickTimes } from './tick-times.js';
import { TimeZone } from './time-zone.js';

/** Options for reading a cron spec. */
export interface CronSpecOptions {
  /** Time zone for specs that name none. Default UTC. */
  readonly zone?: string | undefined;
  /** Accept a sixth field, for seconds, in front. Go's asynq does not. Default `false`. */
  readonly seconds?: boolean | undefined;
}

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const EVERY = '@every ';
/** More than all values of all fields take. */
const LONGEST_SPEC = 1_000;
const NS_PER_S = 1_000_000_000n;

/**
 * Reads a cron spec as the standard parser of robfig/cron v3 does, which Go's asynq uses: five fields, a descriptor such
 * as `@daily`, `@every 1h30m`; a zone in front as in `CRON_TZ=Asia/Tokyo 0 6 * * *`.
 * @throws {CronSpecError} it cannot be read, or names an unknown zone
 */
export function parseCronSpec(spec: string, { zone = 'UTC', seconds = false }: CronSpecOptions = {}): TickTimes {
  const fail = (reason: string): never => {
    throw new CronSpecError(spec, reason);
  };
  if (typeof spec !== 'string') return fail('it is not text');
  if (spec === '') return fail('it is empty');
  if (spec.length > LONGEST_SPEC) return fail(`it is longer than ${LONGEST_SPEC} characters`);
  const [, ownZone, rest] = /^(?:CRON_)?TZ=([^ ]*) (.*)$/s.exec(spec) ?? [];
  if (rest === undefined && /^(?:CRON_)?TZ=/.test(spec)) return fail('there is no schedule after the time zone');
  const text = rest === undefined ? spec : rest.trim();
  if (text.startsWith(EVERY)) return everyTicks(text.slice(EVERY.length), fail);
  const cron = text.startsWith('@') ? (DESCRIPTORS[text] ?? fail(`there is no descriptor ${text}`)) : text;
  const fields = splitFields(cron, seconds && cron === text, fail);
  try {
    return new CronTicks(readFields(fields), openZone(ownZone ?? zone));
  } catch (error) {
    if (error instanceof RangeError) return fail(error.message);
    throw error;
  }
}

/**
 * The first tick after a time, in unix ms, by the spec of a stored schedule. `undefined`: there is none, or a newer version has stored
 * a spec that this one cannot read.
 */
export function storedTickAfter(
  { spec, sinceMs }: { readonly spec: string; readonly sinceMs: number },
  atMs: number,
): number | undefined {
  try {
    return parseCronSpec(spec, { seconds: true }).next(atMs, sinceMs);
  } catch (error) {
    if (error instanceof CronSpecError) return undefined;
    throw error;
  }
}

function everyTicks(text: string, fail: (reason: string) => never): TickTimes {
  const ns = parseGoDuration(text) ?? fail(`"${text}" is not a duration such as 90s or 1h30m`);
  const wholeS = ns / NS_PER_S;
  return new IntervalTicks(Number(wholeS > 1n ? wholeS : 1n) * 1000);
}

/** Six fields, seconds first. White space is as defined by Go's Unicode tables. */
function splitFields(text: string, mayHaveSeconds: boolean, fail: (reason: string) => never): string[] {
  const fields = text.split(/\p{White_Space}+/u).filter((field) => field !== '');
  if (fields.length === 5) return ['0', ...fields];
  if (mayHaveSeconds && fields.length === 6) return fields;
  const hint = fields.length === 6 ? '; a seconds field needs the option "seconds"' : '';
  return fail(`${fields.length} fields instead of ${mayHaveSeconds ? '5 or 6' : '5'}${mayHaveSeconds ? '' : hint}`);
}

function readFields(texts: readonly string[]): CronFields {
  const kinds = Object.entries(FIELD_KINDS);
  return Object.fromEntries(kinds.map(([key, kind], at) => [key, parseCronField(texts[at]!, kind)])) as CronFields;
}

function openZone(name: string): TimeZone {
  try {
    return new TimeZone(name);
  } catch {
    throw new RangeError(`there is no time zone ${show(name)} in the IANA database; a name is such as Europe/London`);
  }
}
