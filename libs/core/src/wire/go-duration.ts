/** Durations in the text form of Go's `time.Duration`: `1m30s`, `500ms`, `1.5s`. */

const NS_PER_UNIT: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n, // U+00B5, the micro sign
  μs: 1_000n, // U+03BC, the Greek letter
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/** Go counts nanoseconds in an int64. */
const LONGEST_NS = 2n ** 63n - 1n;

/** Parses Go's text form to nanoseconds; `undefined` when Go would refuse it. The largest unit is the hour. */
export function parseGoDuration(text: string): bigint | undefined {
  const unsigned = text.replace(/^[+-]/, '');
  if (unsigned === '0') return 0n;
  if (unsigned === '') return undefined;
  let ns = 0n;
  for (let at = 0; at < unsigned.length; at = PART.lastIndex) {
    PART.lastIndex = at;
    const [, number, unit] = PART.exec(unsigned) ?? [];
    if (number === undefined) return undefined;
    ns += partNs(number, NS_PER_UNIT[unit!]!);
  }
  if (ns > LONGEST_NS) return undefined;
  return text.startsWith('-') ? -ns : ns;
}

function partNs(number: string, unitNs: bigint): bigint {
  const [whole = '', fraction = ''] = number.split('.');
  return BigInt(whole) * unitNs + (BigInt(fraction) * unitNs) / 10n ** BigInt(fraction.length);
}

/** Formats nanoseconds in Go's text form. */
export function formatGoDuration(ns: bigint): string {
  if (ns < 0n) return `-${formatGoDuration(-ns)}`;
  if (ns === 0n) return '0s';
  if (ns < 1_000n) return `${ns}ns`;
  if (ns < 1_000_000n) return `${decimal(ns, 3)}µs`;
  if (ns < 1_000_000_000n) return `${decimal(ns, 6)}ms`;
  const minutes = ns / NS_PER_UNIT['m']!;
  const seconds = `${decimal(ns % NS_PER_UNIT['m']!, 9)}s`;
  if (minutes === 0n) return seconds;
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

/** `value` divided by 10 to the power of `places`, without trailing zeros. */
function decimal(value: bigint, places: number): string {
  const unit = 10n ** BigInt(places);
  const fraction = (value % unit).toString().padStart(places, '0').replace(/0+$/, '');
  return fraction === '' ? `${value / unit}` : `${value / unit}.${fraction}`;
}
