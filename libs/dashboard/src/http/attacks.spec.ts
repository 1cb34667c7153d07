import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { READS, WRITES } from '../api/routes.js';
import { ADAPTERS, sendRaw, startTestApp, type TestDashboard, useTestAssets } from '../test-dashboard.fixture.js';

describe.each(ADAPTERS)('attacks on a dashboard under %s', (adapter) => {
  let dash: TestDashboard;
  let host: string;

  beforeAll(async () => {
    useTestAssets();
    dash = await startTestApp({ adapter });
    host = new URL(dash.origin).host;
    await dash.tasks.enqueue('t', 1, { queue: 'mail', taskId: 'one' });
  });

  afterAll(() => dash.app.close());

  const PAUSE = `/monitoring/${WRITES.pauseQueue}`;
  const BODY = '{"queue":"mail"}';
  const PROOF = { 'content-type': 'application/json', 'x-asynq': '1' };

  it.each([
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['a form of text', { 'content-type': 'text/plain', 'x-asynq': '1' }],
    ['a form with files', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['no content type', { 'x-asynq': '1' }],
    ['JSON without the header', { 'content-type': 'application/json' }],
    ['a wrong header', { ...PROOF, 'x-asynq': '0' }],
    ['another site', { ...PROOF, 'sec-fetch-site': 'cross-site' }],
    ['a sibling subdomain', { ...PROOF, 'sec-fetch-site': 'same-site' }],
    ['a typed address', { ...PROOF, 'sec-fetch-site': 'none' }],
    ['another origin on plain HTTP', { ...PROOF, origin: 'http://evil.example' }],
    ['another port', { ...PROOF, origin: 'http://127.0.0.1:1' }],
    ['a sandboxed page', { ...PROOF, origin: 'null' }],
  ])('a write by %s is refused', async (_how, headers) => {
    const { status } = await sendRaw(dash.origin, PAUSE, { method: 'POST', headers: { host, ...headers }, body: BODY });

    expect([403, 415]).toContain(status);
    expect((await dash.inspector.queueInfo('mail')).isPaused).toBe(false);
  });

  it('a write of the page itself passes, with and without Sec-Fetch-Site', async () => {
    const own = { host, origin: `http://${host}`, ...PROOF };
    const onHttps = await sendRaw(dash.origin, PAUSE, {
      method: 'POST',
      headers: { ...own, 'sec-fetch-site': 'same-origin' },
      body: BODY,
    });
    const resume = `/monitoring/${WRITES.resumeQueue}`;
    const onHttp = await sendRaw(dash.origin, resume, { method: 'POST', headers: own, body: BODY });

    expect([onHttps, onHttp].map(({ text }) => text)).toEqual(['{"changed":true}', '{"changed":true}']);
  });

  it.each(Object.values(READS))('another site cannot read %s', async (path) => {
    const bySite = await sendRaw(dash.origin, `/monitoring/${path}`, {
      headers: { host, 'sec-fetch-site': 'cross-site' },
    });
    const byOrigin = await sendRaw(dash.origin, `/monitoring/${path}`, {
      headers: { host, origin: 'http://evil.example' },
    });

    expect([bySite.status, byOrigin.status]).toEqual([403, 403]);
    expect(byOrigin.headers).not.toHaveProperty('access-control-allow-origin');
  });

  it('a preflight is not answered with a permission', async () => {
    const headers = {
      ...{ host, origin: 'http://evil.example' },
      ...{ 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-asynq,content-type' },
    };
    const { status, headers: answered } = await sendRaw(dash.origin, PAUSE, { method: 'OPTIONS', headers });

    expect(status).toBeGreaterThanOrEqual(400);
    expect(Object.keys(answered).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  it.each([
    '/monitoring/assets/../../../package.json',
    '/monitoring/assets/..%2f..%2fpackage.json',
    '/monitoring/assets/%2e%2e/%2e%2e/package.json',
    '/monitoring/assets/..\\..\\package.json',
    '/monitoring/assets/main-abc.js.gz',
    '/monitoring/assets/index.html',
    '/monitoring/assets/__proto__',
    '/monitoring/assets/%00',
    '/monitoring/assets/',
    '/monitoring/../package.json',
  ])('%s leads to no file', async (path) => {
    const { status, text } = await sendRaw(dash.origin, path, { headers: { host } });

    expect(status).toBeGreaterThanOrEqual(400);
    expect(text).not.toContain('"dependencies"');
  });

  it('wrong methods do nothing', async () => {
    const methods = ['GET', 'PUT', 'PATCH', 'DELETE', 'HEAD'];
    const answers = [];
    for (const method of methods)
      answers.push(await sendRaw(dash.origin, PAUSE, { method, headers: { host, ...PROOF } }));
    const read = await sendRaw(dash.origin, '/monitoring/api/session', {
      method: 'POST',
      headers: { host, ...PROOF },
      body: '{}',
    });

    const statuses = [...answers, read].map(({ status }) => status);
    expect(statuses.filter((status) => status < 400)).toEqual([]);
    expect((await dash.inspector.queueInfo('mail')).isPaused).toBe(false);
  });

  it('HEAD tells no content', async () => {
    const { status, text } = await sendRaw(dash.origin, '/monitoring/api/session', {
      method: 'HEAD',
      headers: { host },
    });

    expect([status, text]).toEqual([200, '']);
  });

  it.each([
    ['', 400],
    ['[]', 400],
    ['null', 400],
    ['{"queue":{"a":1}}', 400],
    ['{"queue":"a","queue":["b"]}', 400],
    [`{"queue":"${'x'.repeat(3_000)}"}`, 400],
    ['{"__proto__":{"queue":"mail"}}', 400],
    ['{"queue":', 400],
    [`{"queue":"${'x'.repeat(8 * 1024 * 1024)}"}`, 413],
  ])('a body that is not what it should be is refused (%#)', async (body, status) => {
    const answer = await sendRaw(dash.origin, PAUSE, {
      method: 'POST',
      headers: { host, ...PROOF, 'content-length': String(Buffer.byteLength(body)) },
      body,
    });

    expect(answer.status).toBe(status);
    expect((await dash.inspector.queueInfo('mail')).isPaused).toBe(false);
  });

  it('markup in names and payloads reaches the page as data only', async () => {
    const evil = '</script><script>alert(1)</script>';
    await dash.tasks.enqueue(evil, evil, { queue: evil, taskId: evil });
    const { headers, body } = await dash.get(
      `/monitoring/api/task?${new URLSearchParams({ queue: evil, id: evil }).toString()}`,
    );

    expect(headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(body.task).toMatchObject({ queue: evil, id: evil, type: evil, payload: { data: JSON.stringify(evil) } });
  });
});

describe('markup in options', () => {
  it('cannot end the element that holds the configuration', async () => {
    useTestAssets();
    await using dash = await startTestApp({ dashboard: { environment: '</script><img src=x>' } });

    const { text } = await dash.get('/monitoring/');

    expect(text).not.toContain('</script><img');
    const [, config] = /id="config">(.*?)<\/script>/.exec(text)!;
    expect(JSON.parse(config!).environment.name).toBe('</script><img src=x>');
  });
});

describe('the name of the host', () => {
  const status = async (dash: TestDashboard, host: string): Promise<number> =>
    (await sendRaw(dash.origin, '/monitoring/api/session', { headers: { host } })).status;

  it('has to be an address, localhost or a known one without guards', async () => {
    useTestAssets();
    await using dash = await startTestApp({
      unguarded: true,
      dashboard: { access: 'public', publicUrl: 'https://ops.example.com' },
    });

    const hosts = [
      '127.0.0.1:1',
      'localhost:3000',
      '[::1]:3000',
      'app.localhost',
      '10.1.2.3',
      'ops.example.com',
      'OPS.example.com',
    ];
    const others = [
      'evil.example',
      'ops.example.com.evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example:80',
    ];

    expect(await Promise.all(hosts.map((host) => status(dash, host)))).toEqual(hosts.map(() => 200));
    const refused = await Promise.all(others.map((host) => status(dash, host)));
    expect(refused).toEqual(others.map(() => 421));
  });

  it('may be any behind guards, which the browser of a victim has no login for', async () => {
    useTestAssets();
    await using dash = await startTestApp();

    expect(await status(dash, 'anything.example')).toBe(200);
  });

  it('may differ from that of the origin behind a proxy that is known', async () => {
    useTestAssets();
    await using dash = await startTestApp({ dashboard: { publicUrl: ['https://ops.example.com'] } });
    const headers = { 'content-type': 'application/json', 'x-asynq': '1', origin: 'https://ops.example.com' };

    const { body } = await dash.post(`/monitoring/${WRITES.pauseQueue}`, { queue: 'any' }, headers);

    expect(body).toEqual({ changed: true, unknown: true });
  });
});
