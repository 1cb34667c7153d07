import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { addFacts, factName, type Facts, keyOf } from './golden-facts.js';

/** One public call with the recorded answer of Go's asynq. */
export interface RecordedStep {
  readonly op: string;
  /** Go refused. */
  readonly error?: string;
  /** The result of Go's inspector, one element per task or queue; the count of a bulk call. */
  readonly returned?: readonly unknown[];
  /** The changes of the call: keys, and fields in them, to new values; null for deleted ones. Absent: it only read. */
  readonly changes?: Readonly<Record<string, object | null>>;
}

export interface RecordedScenario {
  readonly about: string;
  readonly steps: readonly RecordedStep[];
}

/** Every recorded scenario by its id; `golden/README.md` explains the file. */
export const recording = JSON.parse(
  readFileSync(new URL('golden/scenarios.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, RecordedScenario>>;

/** When a step ran: by the clock of our parts, and by that of Redis, which counts down TTLs. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly redisFromMs: number;
}

/** The expected content of Redis. Points in time are relative to the step that wrote them. */
export class ExpectedFacts {
  private readonly facts: Facts = new Map();
  /** When the steps were played, from the first. */
  private readonly spans: Span[] = [];

  /** Records when a step was played. Steps left out before it count as played at that time too. */
  noteSpan(number: number, span: Span): void {
    while (this.spans.length < number) this.spans.push(span);
  }

  /** @param absent tasks and queues that do not exist, because our side refused them */
  apply(changes: RecordedStep['changes'], span: Span, absent: readonly string[] = []): void {
    for (const [key, change] of Object.entries(changes ?? {})) {
      if (absent.some((name) => key.includes(name))) continue;
      const changed: Facts = new Map();
      if (change === null) this.set(key, '', null, span);
      else addFacts(changed, key, change);
      for (const [name, value] of changed) {
        if (!absent.some((id) => name.endsWith(`zset.${id}`))) this.setFact(name, without(value, absent), span);
      }
    }
  }

  /** Sets one field, or removes it (`null`), or removes the whole key (no field). */
  set(key: string, field: string, value: unknown, span: Span): void {
    this.setFact(factName(key, field), value, span);
  }

  /** The expected value of a field in the recording's notation; `null` when it should be missing. */
  notation(key: string, field: string): unknown {
    return show(this.facts.get(factName(key, field)) ?? null);
  }

  /** Both sides for a comparison by name and value: facts that are as expected are equal on both. */
  compare(actual: Facts): { readonly expected: object; readonly actual: object } {
    const shown = [...actual].map(([name, value]) => {
      const expected = this.facts.get(name);
      return [name, expected !== undefined && matches(expected, value) ? show(expected) : value];
    });
    const expected = [...this.facts].map(([name, value]) => [name, show(value)]);
    return { expected: Object.fromEntries(expected), actual: Object.fromEntries(shown) };
  }

  private setFact(name: string, value: unknown, span: Span): void {
    if (value === null) this.remove(name);
    else if (name.endsWith(' ttl_s')) this.facts.set(name, new TimeToLive(value as number, span));
    else if (typeof value === 'string' && value.startsWith('now')) this.facts.set(name, this.due(value, span));
    else this.facts.set(name, value);
  }

  private due(notation: string, span: Span): Due {
    const [, inItsStep, step] = /^(.+?)(?: of step (\d+))?$/.exec(notation)!;
    return new Due(notation, inItsStep!, step === undefined ? span : this.spans[Number(step) - 1]!);
  }

  /** Removes a fact and those inside it. */
  private remove(name: string): void {
    const inside = name === factName(keyOf(name)) ? name : `${name}.`;
    for (const known of this.facts.keys()) {
      if (known === name || known.startsWith(inside)) this.facts.delete(known);
    }
  }
}

/**
 * A point in time relative to the step that wrote it: `now+30s` in whole seconds rounded down as Go does,
 * `now+30s up` rounded up, `now+30000ms` exact, `now ns` in nanoseconds. `… of step 1`: relative to that one. `… mark 0 0`:
 * followed by the mark of an attempt.
 */
class Due {
  private readonly fromMs: number;
  private readonly toMs: number;
  private readonly unit: string;
  private readonly mark: string;
  private readonly round: (s: number) => number;

  constructor(
    readonly notation: string,
    inItsStep: string,
    { fromMs, toMs }: Span,
  ) {
    const [, length = '0', unit, up, mark] = /^now(?:\+(\d+))?\s?(s|ms|ns)( up)?(?: mark( .+))?$/.exec(inItsStep) ?? [];
    if (!unit) throw new Error(`not a point in time: ${notation}`);
    const lengthMs = unit === 's' ? Number(length) * 1000 : Number(length);
    this.fromMs = fromMs + lengthMs;
    this.toMs = toMs + lengthMs;
    this.unit = unit;
    this.mark = mark ?? '';
    this.round = up ? Math.ceil : Math.floor;
  }

  matches(actual: unknown): boolean {
    if (!String(actual).endsWith(this.mark)) return false;
    const text = String(actual).slice(0, String(actual).length - this.mark.length);
    if (!/^\d+$/.test(text)) return false;
    if (this.unit === 'ns') return within(Number(BigInt(text) / 1_000_000n), this.fromMs, this.toMs);
    if (this.unit === 'ms') return within(Number(text), this.fromMs, this.toMs);
    return within(Number(text), this.round(this.fromMs / 1000), this.round(this.toMs / 1000));
  }
}

/** The TTL of a key from the step that wrote it. */
class TimeToLive {
  readonly notation: number;

  constructor(
    private readonly lengthS: number,
    private readonly span: Span,
  ) {
    this.notation = lengthS;
  }

  matches(actual: unknown): boolean {
    const { redisFromMs, fromMs, toMs } = this.span;
    const passedS = (Date.now() - redisFromMs) / 1000;
    if (this.lengthS <= DAY_S) return within(Number(actual), this.lengthS - passedS, this.lengthS);
    // A day's counter: until a whole second of our clock. A test may have moved that ahead of the clock of Redis, and
    // falls behind it by the time that has passed since the stage was set.
    const aheadS = Math.max(0, (toMs - redisFromMs) / 1000);
    const behindS = Math.max(0, (redisFromMs - fromMs) / 1000);
    return within(Number(actual), this.lengthS - behindS - passedS - 1, this.lengthS + aheadS);
  }
}

const DAY_S = 86_400;

function matches(expected: unknown, actual: unknown): boolean {
  return expected instanceof Due || expected instanceof TimeToLive
    ? expected.matches(actual)
    : isDeepStrictEqual(expected, actual);
}

const show = (value: unknown): unknown =>
  value instanceof Due || value instanceof TimeToLive ? value.notation : value;

const within = (value: number, low: number, high: number): boolean => value >= low && value <= high;

/** A list without these; null when nothing is left, since Redis has no empty lists. */
function without(value: unknown, names: readonly string[]): unknown {
  if (!Array.isArray(value)) return value;
  const left = (value as string[]).filter((name) => !names.includes(name));
  return left.length > 0 ? left : null;
}
