import { expect, it, vi } from 'vitest';
import { type Logger, silentLogger } from '../runtime/logger.js';
import { openMemoryQueue } from '../test-support/test-queue.js';
import { Inspector } from './inspector.js';

async function open() {
  const error = vi.fn<Logger['error']>();
  const queue = openMemoryQueue({ name: 'q' });
  await queue.broker.enqueue([{ message: queue.message('first') }]);
  await queue.seed({ scheduled: { a: '1h', b: '1h' } });
  return { queue, error, inspector: new Inspector({ connection: queue.broker, logger: { ...silentLogger, error } }) };
}

const all = { queue: 'q', state: 'scheduled' } as const;

it.each([
  [
    'throws',
    () => {
      throw new Error('no');
    },
  ],
  ['rejects', async () => Promise.reject(new Error('no'))],
])('an onProgress that %s is logged and does not stop bulk work', async (_, onProgress) => {
  const { inspector, error } = await open();

  expect(await inspector.archiveMatching(all, { onProgress })).toBe(2);
  expect(await inspector.runAll('q', 'archived', { onProgress })).toBe(2);
  await inspector.deleteQueue('q', { onProgress, force: true });

  expect(new Set(error.mock.calls.map(([message]) => message))).toEqual(new Set(['onProgress failed']));
});

it.each([
  [{ dryrun: true }, 'did you mean "dryRun"?'],
  [{ dryRun: 'yes' }, 'option "dryRun" is "yes"; allowed: true or false'],
  [{ onprogress: () => undefined }, 'did you mean "onProgress"?'],
  [{ onProgress: 5 }, 'option "onProgress" is 5; allowed: a function'],
  [{ signal: {} }, 'option "signal" is an object'],
  [5, 'option "options" is a number; allowed: an object'],
])('bulk work with %j is refused before it moves anything', async (options, message) => {
  const { inspector, queue } = await open();

  await expect(inspector.deleteMatching(all, options as never)).rejects.toThrow(message);

  expect(Object.keys((await queue.dump()).scheduled)).toEqual(['a', 'b']);
});

it.each([
  (inspector: Inspector) => inspector.runAll('q', 'scheduled', { groups: 'x' } as never),
  (inspector: Inspector) => inspector.deleteQueue('q', { forced: true } as never),
  (inspector: Inspector) => inspector.purgeQueue('q', { forced: true } as never),
  (inspector: Inspector) => inspector.queueInfo('q', { memroy: true } as never),
  (inspector: Inspector) => inspector.runTask('q', 'a', { expectedStat: 'retry' } as never),
])('a mistyped option of other calls is refused, too: %s', async (act) => {
  const { inspector, queue } = await open();

  await expect(act(inspector)).rejects.toThrow('no option of this name');

  expect(Object.keys((await queue.dump()).scheduled)).toEqual(['a', 'b']);
});
