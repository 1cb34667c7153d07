import type { ExecutionContext } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import type { Settings } from '../config/settings.js';
import { MonitoringGuard } from './monitoring.guard.js';

interface Asked {
  readonly from?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the guard says to a request, and whom it has seen. */
function ask(dashboardPassword: string | undefined, { from = '127.0.0.1', headers = {} }: Asked = {}) {
  const request = { socket: { remoteAddress: from }, headers: { host: 'localhost:3000', ...headers }, user: undefined };
  const answered: Record<string, string> = {};
  const response = { setHeader: (name: string, value: string) => void (answered[name] = value) };
  const http = { getRequest: () => request, getResponse: () => response };
  const context = { switchToHttp: () => http } as unknown as ExecutionContext;
  const guard = new MonitoringGuard({ dashboardPassword } as Settings);
  try {
    return { passes: guard.canActivate(context), user: request.user };
  } catch {
    return { passes: false, asks: answered['www-authenticate'] };
  }
}

const login = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });

describe('the dashboard of the sample', () => {
  it.each([
    [true, {}],
    [true, { from: '::1', headers: { host: '[::1]:3000' } }],
    [true, { from: '::ffff:127.0.0.1' }],
    [false, { from: '192.168.1.7' }],
    [false, { headers: { host: 'evil.example' } }],
    [false, { headers: { 'x-forwarded-for': '10.0.0.1' } }],
  ] as const)('without a password is shown (%s) to %j', (passes, asked) => {
    expect(ask(undefined, asked).passes).toBe(passes);
  });

  it('with a password asks everybody for it', () => {
    expect(ask('secret')).toEqual({ passes: false, asks: 'Basic realm="members", charset="UTF-8"' });
    expect(ask('secret', { headers: login('ada:wrong') }).passes).toBe(false);
    expect(ask('secret', { from: '192.168.1.7', headers: login('ada:secret') })).toEqual({ passes: true, user: 'ada' });
  });
});
