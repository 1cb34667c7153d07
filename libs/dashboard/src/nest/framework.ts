import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Route } from '../dashboard.js';
import { parseBody, readBody } from '../http/body.js';
import type { DashboardRequest } from '../http/exchange.js';
import { CORS_HEADERS, goneSignal, send } from '../http/node-response.js';

/** What is used of a request of Express. */
interface ExpressRequest extends IncomingMessage {
  readonly originalUrl: string;
  readonly body?: unknown;
}

/** What is used of a request of Fastify. */
interface FastifyRequest {
  readonly raw: IncomingMessage;
  readonly originalUrl: string;
  readonly body?: unknown;
}

/** What is used of a reply of Fastify. */
interface FastifyReply {
  readonly raw: ServerResponse;
  hijack(): void;
  status(status: number): this;
  header(name: string, value: string | number): this;
  removeHeader(name: string): this;
  send(body: string | Buffer): unknown;
}

const isFastify = (response: unknown): response is FastifyReply => 'hijack' in (response as object);

/** Answers a request of either framework. */
export async function answer(route: Route, request: unknown, response: unknown): Promise<void> {
  if (isFastify(response)) await answerFastify(route, request as FastifyRequest, response);
  else await answerExpress(route, request as ExpressRequest, response as ServerResponse);
}

async function answerExpress(route: Route, request: ExpressRequest, response: ServerResponse): Promise<void> {
  const signal = goneSignal(response);
  await send(response, await route.handle(toRequest(request, request, request, signal)));
}

async function answerFastify(route: Route, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const signal = goneSignal(reply.raw);
  const answered = await route.handle(toRequest(request, request.raw, request, signal));
  if ('stream' in answered) {
    reply.hijack(); // Fastify would wait for the whole answer
    await send(reply.raw, answered);
    return;
  }
  for (const name of CORS_HEADERS) reply.removeHeader(name);
  reply.status(answered.status);
  for (const [name, value] of Object.entries(answered.headers)) reply.header(name, value);
  reply.send(answered.body);
}

function toRequest(
  source: unknown,
  raw: IncomingMessage,
  { originalUrl, body }: { readonly originalUrl: string; readonly body?: unknown },
  signal: AbortSignal,
): DashboardRequest {
  return {
    method: raw.method ?? 'GET',
    url: originalUrl,
    headers: raw.headers,
    source,
    signal,
    body: () => bodyOf(body, raw),
  };
}

/** The app may have parsed the body, only read it, or left it alone. */
async function bodyOf(body: unknown, raw: IncomingMessage): Promise<unknown> {
  if (body === undefined || (isEmpty(body) && !raw.readableEnded && raw.readable)) return readBody(raw);
  return Buffer.isBuffer(body) ? parseBody(body) : body;
}

const isEmpty = (body: unknown): boolean => typeof body === 'object' && body !== null && Object.keys(body).length === 0;
