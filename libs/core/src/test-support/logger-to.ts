import type { Logger } from '../runtime/logger.js';

/** Writes each line with its level to a list. */
export function loggerTo(log: string[]): Logger {
  const write = (level: string) => (message: string) => void log.push(`${level}: ${message}`);
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}
