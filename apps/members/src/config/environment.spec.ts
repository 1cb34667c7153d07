import { describe, expect, it } from 'vitest';
import { ConfigurationError } from './configuration.error.js';
import { readEnvironment } from './environment.js';

describe('the environment', () => {
  it('requires no variable', () => {
    const environment = readEnvironment({});

    expect(environment).toMatchObject({
      ROLE: 'all',
      HTTP_ADDRESS: '127.0.0.1:3000',
      REDIS_ADDRESS: undefined,
      VERIFY_EMAIL_DELAY: '10s',
    });
  });

  it('treats an empty variable as not set, and ignores unknown ones', () => {
    const environment = readEnvironment({ ROLE: '', PORT: '', HOME: '/root' });

    expect(environment.ROLE).toBe('all');
    expect(environment.PORT).toBeUndefined();
    expect(environment).not.toHaveProperty('HOME');
  });

  it.each([
    ['ROLE', 'both', 'ROLE is "both": it must be api, worker or all'],
    ['PORT', 'http', 'PORT is "http": it must be a port, 0 to 65535'],
    ['PORT', '70000', 'PORT is "70000": it must be a port, 0 to 65535'],
    ['HTTP_ADDRESS', 'http://a', 'HTTP_ADDRESS is "http://a": it must be host, host:port or :port'],
    ['PUBLIC_URL', 'members', 'PUBLIC_URL is "members": it must be an http or https URL'],
    ['MAIL_FROM', 'me', 'MAIL_FROM is "me": it must be an address, with or without a name'],
    ['DASHBOARD_WRITE', 'yes', 'DASHBOARD_WRITE is "yes": it must be 0 or 1'],
    ['DASHBOARD_PASSWORD', 'short', 'DASHBOARD_PASSWORD must have 8 characters or more'],
    ['VERIFY_EMAIL_DELAY', 'soon', 'VERIFY_EMAIL_DELAY is "soon": it must be a duration such as 500ms, 10s or 5m'],
  ])('refuses %s=%s in one line', (name, value, line) => {
    expect(problemsOf({ [name]: value })).toEqual([line]);
  });

  it.each(['REDIS_ADDRESS', 'DATABASE_URL', 'SMTP_URL'])('never shows the value of %s', (name) => {
    const [line] = problemsOf({ [name]: 'ftp://root:hunter2@example.com' });

    expect(line).toMatch(new RegExp(`^${name} must be .+`));
    expect(line).not.toContain('hunter2');
  });

  it.each([
    'localhost:6379',
    'redis://localhost',
    'rediss://user:secret@redis.example.com:6380/2',
    '[::1]:6379',
    'redis-socket:///run/redis.sock',
    'redis-sentinel://a:26379,b:26379/1?master=main',
    'redis-cluster://a:7000,b:7000',
  ])('reads %s as a Redis address', (address) => {
    expect(readEnvironment({ REDIS_ADDRESS: address }).REDIS_ADDRESS).toBe(address);
  });

  it.each([
    ['redis:port', 'REDIS_ADDRESS must be a host and a port that can be read'],
    ['redis-sentinel://a', "REDIS_ADDRESS must be a URL with the master's name"],
    ['redis-cluster://a/1', 'REDIS_ADDRESS must be hosts without a database'],
  ])('reports the problem of the address %s', (address, line) => {
    expect(problemsOf({ REDIS_ADDRESS: address })[0]).toContain(line);
  });

  it('reports all problems at once', () => {
    expect(problemsOf({ ROLE: 'both', PORT: 'http', SMTP_URL: 'mail' })).toHaveLength(3);
  });

  it('lets nobody act in the dashboard without a password', () => {
    expect(problemsOf({ DASHBOARD_WRITE: '1' })).toEqual([
      'DASHBOARD_WRITE is "1": it needs DASHBOARD_PASSWORD, because tasks could be deleted by anybody',
    ]);
    const { DASHBOARD_WRITE } = readEnvironment({ DASHBOARD_WRITE: '1', DASHBOARD_PASSWORD: 'long enough' });
    expect(DASHBOARD_WRITE).toBe('1');
  });

  it.each(['api', 'worker'])('refuses the role %s with embedded parts, which other processes cannot reach', (role) => {
    expect(problemsOf({ ROLE: role })).toEqual([
      `ROLE is "${role}": it needs REDIS_ADDRESS, because queues in memory are not shared`,
      `ROLE is "${role}": it needs DATABASE_URL, because the embedded database is not shared`,
    ]);
  });
});

function problemsOf(variables: NodeJS.ProcessEnv): readonly string[] {
  try {
    readEnvironment(variables);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  throw new Error('no problem was reported');
}
