import { Logger } from '@nestjs/common';
import { afterEach, expect, it, vi } from 'vitest';
import { RecordingLog } from '../test-app.fixture.js';
import { NestLogAdapter } from './nest-logger.js';

afterEach(() => Logger.overrideLogger(false));

it('logs at the corresponding level, with its context', () => {
  const log = new RecordingLog();
  Logger.overrideLogger(log);
  const adapter = new NestLogAdapter('AsynqServer');

  adapter.debug('looking');
  adapter.info('started');
  adapter.warn('slow');
  adapter.error('lost');

  expect(log.lines).toEqual([
    'debug looking AsynqServer',
    'log started AsynqServer',
    'warn slow AsynqServer',
    'error lost undefined AsynqServer', // the parameter for a stack
  ]);
});

it('folds fields and errors into the message for a logger that it does not know', () => {
  const log = new RecordingLog();
  Logger.overrideLogger(log);
  const error = new Error('boom');

  new NestLogAdapter('AsynqServer').warn('slow', { queue: 'low' });
  new NestLogAdapter('AsynqServer').warn('lost', { queue: 'low', error });
  new NestLogAdapter('AsynqServer').error('lost', { queue: 'low', error });

  expect(log.lines[0]).toBe("warn slow { queue: 'low' } AsynqServer");
  expect(log.lines[1]).toMatch(/^warn lost \{ queue: 'low' \}\nError: boom\n {4}at .* AsynqServer$/s);
  expect(log.lines[2]).toMatch(/^error lost \{ queue: 'low' \} Error: boom\n {4}at .* AsynqServer$/s);
});

it('reports on the console that a logger which writes asynchronously has failed', async () => {
  const unhandled = vi.fn<(error: unknown) => void>();
  process.on('unhandledRejection', unhandled);
  const printed = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const write = async (): Promise<never> => Promise.reject(new Error('disk full'));
  Logger.overrideLogger({ log: write, warn: write, error: write, debug: write });
  const adapter = new NestLogAdapter('AsynqServer');

  adapter.debug('looking');
  adapter.info('started');
  adapter.warn('slow');
  adapter.error('lost');
  await new Promise(setImmediate);
  process.off('unhandledRejection', unhandled);

  expect(unhandled).not.toHaveBeenCalled();
  expect(printed.mock.calls).toEqual(Array.from({ length: 4 }, () => ['[asynq] the logger failed: disk full']));
  printed.mockRestore();
});
