import type { IncomingMessage } from 'node:http';
import { BOUNDS } from '../api/bounds.js';
import { invalid, RequestError } from './request.error.js';

/** Reads a body of JSON, where nobody has done so before. @throws {RequestError} too large, or no JSON */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (announced > BOUNDS.body) throw tooLarge();
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > BOUNDS.body) throw tooLarge();
    parts.push(part);
  }
  return parseBody(Buffer.concat(parts));
}

/** @throws {RequestError} no JSON */
export function parseBody(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    throw invalid([{ field: 'body', allowed: 'JSON' }]);
  }
}

const tooLarge = (): RequestError =>
  new RequestError(413, 'TOO_LARGE', `a body may have at most ${BOUNDS.body / 1024 / 1024} MB`);
