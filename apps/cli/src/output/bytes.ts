import type { QueueInfo } from '@nestjs-asynq/core';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A number of bytes in readable form: `512 B`, `1.5 MB`; `-` if unknown. */
export function bytesOf(bytes: number | undefined): string {
  if (bytes === undefined) return '-';
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const amount = bytes / 1_000 ** power;
  return `${power === 0 ? amount : amount.toFixed(1)} ${UNITS[power]}`;
}

/** The memory of a queue: `1.5 MB`; an estimate with its error: `~1.5 MB ± 0.2 MB`. */
export function memoryCell({
  memoryBytes,
  memoryErrorBytes,
}: Pick<QueueInfo, 'memoryBytes' | 'memoryErrorBytes'>): string {
  if (memoryBytes === undefined || !memoryErrorBytes) return bytesOf(memoryBytes);
  return `~${bytesOf(memoryBytes)} ± ${bytesOf(memoryErrorBytes)}`;
}
