import { describe, expect, it } from 'vitest';
import { FakeClock } from '../testing/fake-clock.js';
import { Subscription } from './subscription.js';

function openSubscription() {
  const clock = new FakeClock();
  const log: string[] = [];
  let settle: { open(end?: () => Promise<void>): void; fail(error: Error): void } | undefined;
  const subscribe = (): Promise<() => Promise<void>> => {
    log.push('asked');
    return new Promise((resolve, reject) => {
      settle = { open: (end = async () => void log.push('ended')) => resolve(end), fail: reject };
    });
  };
  const subscription = new Subscription(clock, subscribe, () => log.push('late'));
  return { clock, log, subscription, settle: () => settle! };
}

describe('Subscription', () => {
  it('is requested once, and is not late when it is confirmed in time', async () => {
    const { log, subscription, settle } = openSubscription();

    const begun = subscription.begin();
    settle().open();
    await begun;
    await subscription.begin();

    expect(log).toEqual(['asked']);
  });

  it('waits half a second for the confirmation, and makes the loop check again when it comes late', async () => {
    const { clock, log, subscription, settle } = openSubscription();

    const begun = subscription.begin();
    await clock.advance(500);
    await begun;
    log.push('looked');
    settle().open();
    await clock.advance(0);

    expect(log).toEqual(['asked', 'looked', 'late']);
  });

  it('throws a failure that comes in time, and tries again', async () => {
    const { log, subscription, settle } = openSubscription();
    const failed = subscription.begin();
    settle().fail(new Error('gone'));
    const error: unknown = await failed.catch((reason: unknown) => reason);

    const begun = subscription.begin();
    settle().open();
    await begun;

    expect(error).toEqual(new Error('gone'));
    expect(log).toEqual(['asked', 'asked']);
  });

  it('tries again after a failure that came late', async () => {
    const { clock, log, subscription, settle } = openSubscription();
    const begun = subscription.begin();
    await clock.advance(500);
    await begun;
    settle().fail(new Error('gone'));
    await clock.advance(0);

    const again = subscription.begin();
    settle().open();
    await again;

    expect(log).toEqual(['asked', 'asked']);
  });

  it('waits half a second for its end', async () => {
    const { clock, log, subscription, settle } = openSubscription();
    const begun = subscription.begin();
    settle().open(() => new Promise(() => log.push('asked to end')));
    await begun;

    const ended = subscription.end().then(() => log.push('goes on'));
    await clock.advance(500);
    await ended;

    expect(log).toEqual(['asked', 'asked to end', 'goes on']);
  });

  it('ends one that comes after the loop has ended', async () => {
    const { clock, log, subscription, settle } = openSubscription();
    const begun = subscription.begin();
    await clock.advance(500);
    await begun;

    await subscription.end();
    settle().open();
    await clock.advance(0);

    expect(log).toEqual(['asked', 'ended']);
  });
});
