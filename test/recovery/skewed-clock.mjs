// Loaded before a worker's program, in each of its threads from Node 22 on: `Date` is ahead by CLOCK_SKEW_MS, and gains
// CLOCK_GAIN ms more in each ms. Monotonic clocks are right.
const RealDate = Date;
const skewMs = Number(process.env.CLOCK_SKEW_MS);
const gain = Number(process.env.CLOCK_GAIN);
const startedAtMs = RealDate.now();

const skewedNowMs = () => {
  const nowMs = RealDate.now();
  return Math.floor(nowMs + skewMs + gain * (nowMs - startedAtMs));
};

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(skewedNowMs());
    else super(...args);
  }

  static now() {
    return skewedNowMs();
  }
};
