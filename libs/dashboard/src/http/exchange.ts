import type { IncomingHttpHeaders } from 'node:http';

/** A request, without the framework that received it. */
export interface DashboardRequest {
  readonly method: string;
  /** Path and query, as received. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The parsed body of a write, read when it is asked for. */
  readonly body: () => Promise<unknown>;
  /** The request of the framework, for functions of the app. */
  readonly source: unknown;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
}

export type Headers = Readonly<Record<string, string>>;

/** An answer that is complete. */
export interface WholeAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string | Buffer;
}

/** Writes text; resolves when more may be written, or the client is gone. */
export type Write = (text: string) => Promise<void>;

/** An answer that is written piece by piece. */
export interface StreamedAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Ends with its promise. */
  readonly stream: (write: Write) => Promise<void>;
}

export type Answer = WholeAnswer | StreamedAnswer;
