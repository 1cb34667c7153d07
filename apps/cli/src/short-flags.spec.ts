import { expect, it } from 'vitest';
import { splitShortFlags } from './short-flags.js';

it.each([
  ['task ls -qmail -sactive', 'task ls -q=mail -s=active'],
  ['queue history mail -x3', 'queue history mail -x=3'],
  ['task ls -q mail -s=active', 'task ls -q mail -s=active'],
  ['queue rm -f mail --force', 'queue rm -f mail --force'],
  ['task enqueue -l -5 -t email', 'task enqueue -l -5 -t email'],
  ['task cancel -- -idle', 'task cancel -- -idle'],
  ['-', '-'],
])('reads "%s" as "%s"', (line, read) => {
  expect(splitShortFlags(line.split(' '))).toEqual(read.split(' '));
});
