import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Answer, StreamedAnswer, WholeAnswer } from './exchange.js';

/** CORS headers that the app sets on everything: no other site may read these answers. */
export const CORS_HEADERS = [
  'access-control-allow-origin',
  'access-control-allow-credentials',
  'access-control-expose-headers',
] as const;

/** A signal that is aborted when the client is gone. */
export function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}

export async function send(response: ServerResponse, answer: Answer): Promise<void> {
  for (const name of CORS_HEADERS) response.removeHeader(name);
  response.statusCode = answer.status;
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  if ('stream' in answer) await sendStream(response, answer);
  else sendWhole(response, answer);
}

function sendWhole(response: ServerResponse, { body }: WholeAnswer): void {
  response.setHeader('content-length', Buffer.byteLength(body));
  response.end(response.req.method === 'HEAD' ? undefined : body);
}

async function sendStream(response: ServerResponse, { stream }: StreamedAnswer): Promise<void> {
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  response.flushHeaders();
  try {
    await stream(async (text) => {
      if (response.destroyed || response.writableEnded) return;
      if (response.write(text)) return;
      await Promise.race([once(response, 'drain'), once(response, 'close')]).catch(() => undefined);
    });
    response.end();
  } catch {
    response.destroy(); // so that the browser does not take it for whole
  }
}
