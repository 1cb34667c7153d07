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

it('passes fields as an object to Nest 12', () => {
  const log = new RecordingLog();
  Logger.overrideLogger(log);

  new NestLogAdapter('AsynqServer', true).warn('slow', { queue: 'low' });

  expect(log.lines).toEqual(["warn slow { queue: 'low' } AsynqServer"]);
});

it('folds fields and errors into the message for Nest 11', () => {
  const log = new RecordingLog();
  Logger.overrideLogger(log);

  new NestLogAdapter('AsynqServer', false).error('lost', { queue: 'low', error: new Error('boom') });

  expect(log.lines[0]).toMatch(/^error lost \{\s+queue: 'low',\s+error: Error: boom/);
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
