import { describe, expect, it } from 'vitest';
import { Format } from './format.js';

const en = new Format('en', 'utc');
const zh = new Format('zh-CN', 'utc');
const AT = Date.UTC(2026, 2, 4, 5, 6, 7, 89);

describe('Format', () => {
  it.each([
    [850, '850 ms', '850毫秒'],
    [1_500, '1.5 sec', '1.5秒'],
    [25 * 60_000 + 59_000, '25 min', '25分钟'],
    [3_600_000 + 20 * 60_000, '1 hr 20 min', '1小时 20分钟'],
    [30 * 3_600_000, '1 day 6 hr', '1天 6小时'],
    [90 * 86_400_000, '90 days', '90天'],
  ])('writes %d ms by their largest units', (ms, english, chinese) => {
    expect(en.duration(ms)).toBe(english);
    expect(zh.duration(ms)).toBe(chinese);
  });

  it('says how long ago or in what time', () => {
    expect(en.ago(AT - 5_000, AT)).toBe('5 sec. ago');
    expect(en.ago(AT + 25 * 60_000, AT)).toBe('in 25 min.');
    expect(zh.ago(AT - 3 * 3_600_000, AT)).toBe('3小时前');
  });

  it('calls a small share neither nothing nor a large one everything', () => {
    expect(en.percent(0.00001)).toBe('0.1%');
    expect(en.percent(0.99999)).toBe('99.9%');
    expect(en.percent(0)).toBe('0%');
    expect(en.percent(1)).toBe('100%');
  });

  it('writes bytes in decimal units', () => {
    expect(en.bytes(1)).toBe('1 byte');
    expect(en.bytes(999)).toBe('999 bytes');
    expect(en.bytes(1_250)).toBe('1.3 kB');
    expect(en.bytes(69_800_000)).toBe('69.8 MB');
  });

  it('names the milliseconds and the zone of an exact time', () => {
    expect(en.exactly(AT)).toBe('Mar 4, 2026, 05:06:07.089 UTC');
  });

  it('shortens large numbers only', () => {
    expect(en.compact(9_999)).toBe('9,999');
    expect(en.compact(1_234_567)).toBe('1.2M');
    expect(zh.compact(1_234_567)).toBe('123.5万');
  });
});
