import type { Crashes } from '../wire/attempt-record.js';
import { LEASE_EXPIRED } from './settled-message.js';

/**
 * Most crashes in company that a task may meet, which prove nothing: without a bound a task that only Go servers run, which
 * do not try suspects alone, would take them down for ever.
 */
const MOST_IN_COMPANY = 20;

/** Whether a task is to blame for the crashes that it met. */
export const isPoison = ({ total, alone }: Crashes, maxCrashes: number): boolean =>
  alone > maxCrashes || total - alone > MOST_IN_COMPANY;

/** The last error of a task that was archived as poison. */
export const poisonText = ({ total, alone }: Crashes): string =>
  `${LEASE_EXPIRED}: lost ${total} workers, ${alone} of them with no other task in hand`;
