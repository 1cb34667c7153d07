import { hasPrometheus } from './prometheus.js';

/** Runs once before the tests with Prometheus, and prints one line when they are skipped. */
export default function setup(): void {
  if (hasPrometheus) return;
  console.warn('Tests with Prometheus are skipped: there is no promtool. Install the package prometheus.');
}
