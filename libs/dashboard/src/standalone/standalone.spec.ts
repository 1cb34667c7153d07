import { randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { Client, Inspector, openBroker, silentLogger } from '@nestjs-asynq/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PAGES, READS } from '../api/routes.js';
import type { DashboardConnection } from '../connection.js';
import { send, sendRaw, useTestAssets } from '../test-dashboard.fixture.js';
import { type DashboardServer, startDashboard, type StandaloneOptions } from './index.js';

let server: DashboardServer | undefined;
let connection: DashboardConnection;
let close: () => Promise<void>;

beforeEach(() => {
  useTestAssets();
  const broker = openBroker({ memory: randomUUID() });
  const inspector = new Inspector({ connection: broker, logger: silentLogger });
  const client = new Client({ connection: broker, logger: silentLogger });
  connection = {
    name: 'default',
    inspector,
    async enqueue(type, payload, options) {
      const { queue, id, initialState } = await client.enqueue(type, payload, options);
      return { queue, id, state: initialState };
    },
    types: () => [],
    watchEvents: () => () => undefined,
  };
  close = async () => {
    await client.close();
    await inspector.close();
    await broker.close();
  };
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  await close();
});

async function start(options: Partial<StandaloneOptions> = {}): Promise<string> {
  server = await startDashboard({ connections: [connection], logger: silentLogger, ...options });
  return server.url;
}

const PROOF = { 'content-type': 'application/json', 'x-asynq': '1' };

describe('a dashboard by itself', () => {
  it('serves the same pages and answers, at the root', async () => {
    const url = await start();

    const pages = await Promise.all(PAGES.map((page) => send(url + page, {})));
    const session = await send(url + READS.session, {});
    const file = await send(`${url}assets/main-abc.js`, {});

    expect(pages.map(({ status }) => status)).toEqual(PAGES.map(() => 200));
    expect(pages[0]!.text).toContain('"standalone":true');
    expect(session.body).toMatchObject({ right: 'admin', readOnly: false });
    expect(file.text).toBe('console.log(1)');
  });

  it('enqueues, pauses, and answers what is not there', async () => {
    const url = await start();
    const task = { queue: 'q', type: 't', payload: { encoding: 'text', data: '1' }, id: 'x' };

    const made = await send(`${url}api/tasks/new`, { method: 'POST', headers: PROOF, body: JSON.stringify(task) });
    const missing = await send(`${url}nothing`, {});
    const method = await send(url + READS.session, { method: 'DELETE' });

    expect(made.body).toEqual({ queue: 'q', id: 'x', state: 'pending' });
    expect([missing.status, method.status]).toEqual([404, 405]);
  });

  it('refuses host names of others, which lead here by a trick with DNS', async () => {
    const url = await start();

    const { status } = await sendRaw(url, '/api/session', { headers: { host: 'evil.example' } });

    expect(status).toBe(421);
  });

  it('refuses bodies that are too large', async () => {
    const url = await start();
    const headers = { host: new URL(url).host, ...PROOF, 'content-length': String(100 * 1024 * 1024) };

    const { status } = await sendRaw(url, '/api/queue/pause', { method: 'POST', headers, body: '{}' });

    expect(status).toBe(413);
  });

  it('stops reading a body of unknown length when it is too large', async () => {
    const url = await start();
    const part = Buffer.alloc(64 * 1024, 'x');
    let sent = 0;
    const status = await new Promise<number>((resolve) => {
      const { hostname, port } = new URL(url);
      const headers = { ...PROOF, 'transfer-encoding': 'chunked' };
      const request = httpRequest({ hostname, port, path: '/api/queue/pause', method: 'POST', headers }, (response) =>
        resolve(response.statusCode!),
      );
      request.on('error', () => undefined); // the server closes while more is on its way
      const send = (): void => {
        if (sent >= 100 * 1024 * 1024 || request.destroyed) return;
        sent += part.length;
        request.write(part, send);
      };
      send();
      request.on('response', () => request.destroy());
    });

    expect(status).toBe(413);
    expect(sent).toBeLessThan(50 * 1024 * 1024);
  });

  it.each(['0.0.0.0', '::', '192.168.1.1'])('refuses to listen on %s without a login', async (host) => {
    await expect(start({ host })).rejects.toThrow('option "host"');
  });

  it('asks for the password, and names the person in the audit', async () => {
    const actions: unknown[] = [];
    const url = await start({ host: '0.0.0.0', password: 'päss:word', onAction: (action) => actions.push(action) });
    const origin = url.replace('0.0.0.0', '127.0.0.1');
    const login = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    const status = async (headers: Record<string, string>) => (await send(`${origin}api/session`, { headers })).status;

    const none = await send(origin, {});
    const known = { ...login('ada:päss:word'), ...PROOF };
    await send(`${origin}api/queue/pause`, { method: 'POST', headers: known, body: '{"queue":"q"}' });

    expect([none.status, none.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="asynq", charset="UTF-8"']);
    expect(await status(login('ada:wrong'))).toBe(401);
    expect(await status(login('ada'))).toBe(401);
    expect(await status({ authorization: 'Basic !' })).toBe(401);
    expect(await status(login('ada:päss:word'))).toBe(200);
    expect(actions).toMatchObject([{ who: 'ada', action: 'pauseQueue' }]);
  });

  it('lets in whom a proxy names', async () => {
    const url = await start({ host: '0.0.0.0', proxyHeader: 'X-Forwarded-User' });
    const origin = url.replace('0.0.0.0', '127.0.0.1');

    const without = await send(`${origin}api/session`, {});
    const named = await send(`${origin}api/session`, { headers: { 'x-forwarded-user': 'ada' } });

    expect(without.status).toBe(401);
    expect(named.body).toMatchObject({ who: 'ada' });
  });

  it('is read-only when asked', async () => {
    const url = await start({ readOnly: true });

    const { status } = await send(`${url}api/queue/pause`, { method: 'POST', headers: PROOF, body: '{"queue":"q"}' });

    expect(status).toBe(403);
  });
});
