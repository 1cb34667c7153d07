import { describe, expect, it } from 'vitest';
import { bytesCell, dueCell, errorRateCell, oneLine, zoneName } from './cells.js';

describe('cells', () => {
  it.each([
    ['{"a":"ö 日本 🎉"}', '{"a":"ö 日本 🎉"}'],
    ['', 'non-printable bytes'],
    ['  ', 'non-printable bytes'],
    ['two\nlines', 'non-printable bytes'],
    ['no\u00A0break', 'non-printable bytes'],
  ])('show bytes as asynq does: %j', (text, cell) => {
    expect(bytesCell(Buffer.from(text))).toBe(cell);
  });

  it('do not show bytes that are not text', () => {
    expect(bytesCell(Uint8Array.of(0xff, 0x41))).toBe('non-printable bytes');
    expect(bytesCell(undefined)).toBe('non-printable bytes');
  });

  it('escape terminal control characters', () => {
    expect(oneLine('a\nb\u001B[31m\u200Bc\u007F\u00A0d')).toBe('a\\nb\\u001b[31m\\u200bc\\u007f d');
  });

  it.each([
    ['UTC', 'UTC UTC'],
    ['America/New_York', 'EST EDT'],
    ['Europe/London', 'GMT BST'],
    ['Europe/Berlin', 'CET CEST'],
    ['Asia/Kolkata', 'IST IST'],
    ['Asia/Tokyo', 'JST JST'],
    ['Australia/Sydney', 'AEDT AEST'],
    ['Europe/Istanbul', 'GMT+3 GMT+3'],
  ])('name the zone %s', (zone, names) => {
    const days = [0, 6].map((month) => new Date(Date.UTC(2026, month, 15)));

    expect(days.map((day) => zoneName(day, zone)).join(' ')).toBe(names);
  });

  it('show when a task is due', () => {
    expect(dueCell(new Date(91_000), 1_000)).toBe('in 1m30s');
    expect(dueCell(new Date(999), 1_000)).toBe('right now');
    expect(dueCell(undefined, 1_000)).toBe('');
  });

  it('show the share of failures', () => {
    expect([errorRateCell(8, 1), errorRateCell(0, 0)]).toEqual(['12.50%', 'N/A']);
  });
});
