import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { settings } from './settings.js';

const names = ['ROLE', 'HTTP_ADDRESS', 'PORT', 'PUBLIC_URL', 'REDIS_ADDRESS', 'DATABASE_URL', 'SMTP_URL'];

describe('the settings', () => {
  beforeEach(() => names.forEach((name) => vi.stubEnv(name, undefined)));
  afterEach(() => vi.unstubAllEnvs());

  it.each([
    [{}, '127.0.0.1', 3000, 'http://127.0.0.1:3000'],
    [{ HTTP_ADDRESS: '0.0.0.0:8080' }, '0.0.0.0', 8080, 'http://localhost:8080'],
    [{ HTTP_ADDRESS: ':8080' }, '127.0.0.1', 8080, 'http://127.0.0.1:8080'],
    [{ HTTP_ADDRESS: '[::1]:8080', PORT: '80' }, '::1', 80, 'http://[::1]:80'],
    [{ PUBLIC_URL: 'https://members.example.com/' }, '127.0.0.1', 3000, 'https://members.example.com'],
  ])('reads %j as host, port and public URL', (environment, httpHost, httpPort, publicUrl) => {
    set(environment);

    expect(settings()).toMatchObject({ httpHost, httpPort, publicUrl });
  });

  it.each(['localhost:6379', 'redis-cluster://a:7000,b:7000', undefined])('connects to %s', (address) => {
    set({ REDIS_ADDRESS: address });

    expect(settings().redisUrl).toBe(address);
  });
});

function set(environment: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
}
