import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** How a person shows who it is. */
export interface Login {
  /** With any user name, by HTTP Basic authentication. */
  readonly password?: string | undefined;
  /** A header that a proxy sets to the name of the person, and that it removes from requests of others. */
  readonly proxyHeader?: string | undefined;
}

/** The name of the person; `''` for one without; `undefined`: not let in. */
export function personOf({ headers }: IncomingMessage, { password, proxyHeader }: Login): string | undefined {
  if (proxyHeader !== undefined) {
    const name = headers[proxyHeader.toLowerCase()];
    return typeof name === 'string' && name !== '' ? name : undefined;
  }
  if (password === undefined) return '';
  const [, encoded = ''] = /^Basic\s+([\w+/=-]+)$/i.exec(headers.authorization ?? '') ?? [];
  const [, user = '', given = ''] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
  return isSame(given, password) ? user : undefined;
}

/** In a time that says nothing about how much of it was right. */
function isSame(given: string, password: string): boolean {
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(password));
}

/** Only programs of this machine reach the address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
