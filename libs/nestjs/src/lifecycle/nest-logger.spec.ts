import { Logger } from '@nestjs/common';
import { afterEach, expect, it } from 'vitest';
import { RecordingLog } from '../test-app.fixture.js';
import { NestLogAdapter } from './nest-logger.js';

afterEach(() => Logger.overrideLogger(false));

it('logs at the level of the same meaning, under its context', () => {
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
    'error lost undefined AsynqServer', // Nest's own place for a stack
  ]);
});

it('passes fields as an object to a Nest that takes them', () => {
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
