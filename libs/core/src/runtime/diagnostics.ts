import { channel } from 'node:diagnostics_channel';

/** What metrics learn about the inside of this process. While nobody subscribes, nothing is created or measured. */

/** The end of a script call. */
export interface ScriptEnded {
  readonly script: string;
  readonly tookMs: number;
}

/** The reply to a fetch from an ordinary queue. */
export interface Fetched {
  readonly queue: string;
  readonly count: number;
}

/** Publishes a {@link ScriptEnded} for each script that Redis has run. */
export const scriptChannel = channel('nestjs-asynq:script');

/** Publishes a {@link Fetched} for each fetch that was answered. */
export const fetchChannel = channel('nestjs-asynq:fetch');
