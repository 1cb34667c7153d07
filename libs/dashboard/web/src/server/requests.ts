import type { ErrorBody, ErrorCode, FieldProblem } from '../../../src/api/errors.js';
import { type READS, WRITE_HEADER, type WRITES } from '../../../src/api/routes.js';
import { connection } from '../connection.js';
import { mount } from '../routing/place.js';
import { type Params, toSearch } from '../routing/search-params.js';

type ReadPath = (typeof READS)[keyof typeof READS];
type WritePath = (typeof WRITES)[keyof typeof WRITES];

/** Why a request failed. `UNREACHABLE`: there was no answer. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly code: ErrorCode | 'UNREACHABLE' | 'LOGIN' | 'UNKNOWN',
    message: string,
    readonly problems: readonly FieldProblem[] = [],
  ) {
    super(message);
  }

  /** Whether the same request may succeed a little later. */
  get isPassing(): boolean {
    return this.code === 'UNREACHABLE' || this.code === 'REDIS' || this.code === 'BUSY' || this.status === 502;
  }
}

/** The address of a read, with the connection that is looked at. */
export function addressOf(path: ReadPath, query: Params = {}): string {
  const search = toSearch({ connection: connection(), ...query });
  return new URL(search ? `${path}?${search}` : path, mount).href;
}

export async function read<Answer>(path: ReadPath, query: Params = {}, signal?: AbortSignal): Promise<Answer> {
  const response = await ask(addressOf(path, query), { ...(signal && { signal }) });
  return (await response.json()) as Answer;
}

export async function write<Answer>(path: WritePath, body: object, signal?: AbortSignal): Promise<Answer> {
  const response = await post(path, body, signal);
  return (await response.json()) as Answer;
}

/** The lines of JSON that the answer to a write consists of, as they arrive. */
export async function* writeForLines<Line>(path: WritePath, body: object, signal: AbortSignal): AsyncGenerator<Line> {
  const response = await post(path, body, signal);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    rest += value ?? '';
    const lines = rest.split('\n');
    rest = done ? '' : lines.pop()!;
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as Line;
    if (done) return;
  }
}

function post(path: WritePath, body: object, signal?: AbortSignal): Promise<Response> {
  const of = connection();
  return ask(new URL(path, mount).href, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [WRITE_HEADER.name]: WRITE_HEADER.value },
    body: JSON.stringify({ ...(of !== undefined && { connection: of }), ...body }),
    ...(signal && { signal }),
  });
}

async function ask(address: string, init: RequestInit): Promise<Response> {
  const response = await fetch(address, { credentials: 'same-origin', redirect: 'manual', ...init }).catch(
    (error: unknown) => {
      if (init.signal?.aborted) throw error;
      throw new RequestError(0, 'UNREACHABLE', String(error));
    },
  );
  // A guard that sends people to its login page.
  if (response.type === 'opaqueredirect') throw new RequestError(401, 'LOGIN', '');
  if (!response.ok) throw await failureOf(response);
  return response;
}

async function failureOf(response: Response): Promise<RequestError> {
  const body = (await response.json().catch(() => undefined)) as Partial<ErrorBody> | undefined;
  const { code, message, problems } = body?.error ?? {};
  if (code && message !== undefined) return new RequestError(response.status, code, message, problems);
  return new RequestError(response.status, response.status === 401 ? 'LOGIN' : 'UNKNOWN', response.statusText);
}
