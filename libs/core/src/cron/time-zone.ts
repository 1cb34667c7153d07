const DAY_MS = 86_400_000;

/** The only names of three letters in the IANA database, which Go reads. */
const SHORT_NAMES = ['CET', 'EET', 'EST', 'GMT', 'HST', 'MET', 'MST', 'PRC', 'ROC', 'ROK', 'UCT', 'UTC', 'WET'];

/**
 * Names that Node's time zones have besides: offsets, and those of old Java, where `BST` is Bangladesh and `AST` is
 * Alaska. Go refuses them.
 */
function isOnlyInNode(name: string): boolean {
  if (/^[a-z]{3}$/i.test(name)) return !SHORT_NAMES.includes(name.toUpperCase());
  return /^(?:[+-]|SystemV\/)/i.test(name);
}

/** By the name of the zone. Creating one takes 0.1 ms, and thousands of specs may name the same zone. */
const formats = new Map<string, Intl.DateTimeFormat>();

function openFormat(name: string): Intl.DateTimeFormat {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name === 'Local' ? undefined : name,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  if (name !== 'Local') formats.set(name, format); // the zone of the machine may change
  return format;
}

/** The local time of a zone. Local times are in milliseconds, as if the zone were UTC. */
export class TimeZone {
  private readonly format: Intl.DateTimeFormat | undefined;

  /**
   * @param name an IANA name; empty for UTC, `Local` for the zone of this machine
   * @throws {RangeError} there is no such zone
   */
  constructor(name: string) {
    if (isOnlyInNode(name)) throw new RangeError(`${name} is not a time zone`);
    if (name === '' || name === 'UTC') return;
    this.format = formats.get(name) ?? openFormat(name);
  }

  /** The offset from an instant, on a whole second, to its local time, ms. */
  offsetMs(atMs: number): number {
    if (!this.format) return 0;
    const parts = Object.fromEntries(this.format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
    const { year, month, day, hour, minute, second } = parts as Record<string, number>;
    return Date.UTC(year!, month! - 1, day, hour, minute, second) - atMs;
  }

  /** The first second after `afterMs` and not after `untilMs` at which the offset is another; `undefined` for none. */
  nextChange(afterMs: number, untilMs: number): number | undefined {
    if (!this.format) return undefined;
    const offsetMs = this.offsetMs(afterMs);
    // Day by day: no zone has ever changed its offset and back within a day.
    for (let fromMs = afterMs; fromMs < untilMs; fromMs += DAY_MS) {
      const toMs = Math.min(fromMs + DAY_MS, untilMs);
      if (this.offsetMs(toMs) !== offsetMs) return this.changeBetween(fromMs, toMs, offsetMs);
    }
    return undefined;
  }

  /** Bisects the period in which the offset changes until a second is left. */
  private changeBetween(oldMs: number, newMs: number, offsetMs: number): number {
    while (newMs - oldMs > 1000) {
      const middleMs = oldMs + Math.floor((newMs - oldMs) / 2000) * 1000;
      if (this.offsetMs(middleMs) === offsetMs) oldMs = middleMs;
      else newMs = middleMs;
    }
    return newMs;
  }
}
