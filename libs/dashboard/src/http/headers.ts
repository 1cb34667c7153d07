import { jsonInSlices } from '../slices/json-in-slices.js';
import type { Headers, WholeAnswer } from './exchange.js';

/** Of every answer. */
const COMMON: Headers = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
};

/** Neither `base-uri` nor `frame-ancestors` falls back to `default-src`. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

export const PAGE_HEADERS: Headers = {
  ...COMMON,
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
};

/** An answer of the API is never a document, whatever a browser thinks. */
const DATA_HEADERS: Headers = {
  ...COMMON,
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
};

/** `no-transform` and `x-accel-buffering` keep compression and proxies from holding the pieces back. */
const STREAM: Headers = { 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' };

export const EVENT_STREAM_HEADERS: Headers = { ...DATA_HEADERS, ...STREAM, 'content-type': 'text/event-stream' };
export const LINES_HEADERS: Headers = { ...DATA_HEADERS, ...STREAM, 'content-type': 'application/x-ndjson' };

/** Names of files hold a hash of their content. */
export const assetHeaders = (contentType: string): Headers => ({
  ...COMMON,
  'content-type': contentType,
  'cache-control': 'public, max-age=31536000, immutable',
  vary: 'accept-encoding',
});

/** A short answer. */
export const json = (body: unknown, status = 200): WholeAnswer => jsonText(JSON.stringify(body), status);

/** An answer of any length, whose text is written in slices. */
export const longJson = async (body: unknown): Promise<WholeAnswer> => jsonText(await jsonInSlices(body), 200);

const jsonText = (body: string, status: number): WholeAnswer => ({
  status,
  headers: { ...DATA_HEADERS, 'content-type': 'application/json; charset=utf-8' },
  body,
});

export const redirect = (location: string): WholeAnswer => ({
  status: 302,
  headers: { ...DATA_HEADERS, location },
  body: '',
});
