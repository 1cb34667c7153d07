import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTestApp, type TestDashboard, useTestAssets } from '../test-dashboard.fixture.js';
import { WorkSlices } from '../slices/work-slices.js';
import { TurnWatch } from '../slices/turn-watch.fixture.js';
import { cut } from './content.js';
import { redactJson } from './json-text.js';
import { HIDDEN, RedactedFields } from './redacted-fields.js';
import { Redactor } from './redactor.js';

const scan = (text: string, fields: RedactedFields) => redactJson(text, fields, new WorkSlices(10_000));
const json = async (text: string, ...patterns: string[]) => (await scan(text, new RedactedFields(patterns)))?.text;

describe('fields of JSON', () => {
  it.each([
    ['{"password":"x","a":1}', '{"password":"[hidden]","a":1}'],
    ['{"a":{"PassWord": 12 }}', '{"a":{"PassWord": "[hidden]" }}'],
    ['[{"password":{"deep":[1,{"x":2}]}},{"password":null}]', '[{"password":"[hidden]"},{"password":"[hidden]"}]'],
    ['{"p\\u0061ssword":"x"}', '{"p\\u0061ssword":"[hidden]"}'],
    ['{"n":12345678901234567890,"n":1.0,"e":1e400}', '{"n":12345678901234567890,"n":1.0,"e":1e400}'],
    [' { } ', ' { } '],
    ['"password"', '"password"'],
  ])('of %s by a name', async (text, redacted) => {
    expect(await json(text, 'password')).toBe(redacted);
  });

  it('by a path, in which elements of arrays do not count', async () => {
    const text = '{"card":1,"user":{"card":2,"x":{"card":3}},"list":[{"card":4}]}';

    expect(await json(text, '*.card')).toBe(
      '{"card":1,"user":{"card":"[hidden]","x":{"card":3}},"list":[{"card":"[hidden]"}]}',
    );
    expect(await json(text, 'user.x.card')).toBe(
      '{"card":1,"user":{"card":2,"x":{"card":"[hidden]"}},"list":[{"card":4}]}',
    );
    expect(await json(text, 'user')).toBe('{"card":1,"user":"[hidden]","list":[{"card":4}]}');
  });

  it.each(['{', '{"a":1,}', "{'a':1}", '{"a":01}', '[1 2]', '', 'nul', '{"a":"\n"}', '['.repeat(100_000)])(
    'of what is no JSON are not found (%#)',
    async (text) => {
      expect(await json(text, 'a')).toBeUndefined();
    },
  );
});

describe('a text that has none of the names', () => {
  it.each([
    [['password'], '{"p\\u0061ssword":"x"}', '{"p\\u0061ssword":"[hidden]"}'],
    [['password'], '{"PASSWORD":"x"}', '{"PASSWORD":"[hidden]"}'],
    [['user.*'], '{"user":{"any":1}}', '{"user":{"any":"[hidden]"}}'],
    [['größe'], '{"GRÖSSE":1,"GRÖßE":2}', '{"GRÖSSE":1,"GRÖßE":"[hidden]"}'],
    [['a/b'], String.raw`{"a\/b":1}`, String.raw`{"a\/b":"[hidden]"}`],
    [['password', '*.card'], '{"other":"x","a":{"b":1}}', '{"other":"x","a":{"b":1}}'],
  ])('is the only one that is left alone: %j in %s', async (names, text, redacted) => {
    expect((await new Redactor(names).text(text)).text).toBe(redacted);
  });
});

describe('texts', () => {
  const redactor = new Redactor(['password', '*.card', 'token']);

  it.each([
    ['login failed: password=hunter2, user=ada', 'login failed: password=[hidden], user=ada'],
    ['{"password": "a \\" b", broken', '{"password": [hidden], broken'],
    ['GET /?token=abc&x=1', 'GET /?token=[hidden]&x=1'],
    ["card: '4111 1111'", 'card: [hidden]'],
    ['passwords=1', 'passwords=1'],
  ])('hide what looks like a field: %s', async (text, redacted) => {
    expect((await redactor.loose(text)).text).toBe(redacted);
  });

  it.each([
    ['{"password":{"a":"x"}}\n{"password":["y"],"b":1}', '{"password":[hidden]}\n{"password":[hidden],"b":1}'],
    ['{"password":{"a":"]}","b":[{}]},}', '{"password":[hidden],}'],
    ['{"password":[{"a":"x"', '{"password":[hidden]'],
    ["password: {a: 'x}, password: y", 'password: [hidden], password: [hidden]'],
  ])('hide lists and objects as a whole: %s', async (text, redacted) => {
    expect((await new Redactor(['password']).text(text)).text).toBe(redacted);
  });

  it.each([
    [['password'], String.raw`{"\u0070assword": "x", broken`, String.raw`{"\u0070assword": [hidden], broken`],
    [['password'], String.raw`{"p\u0041SSW\u006fRD":{"a":"\u0022x"},}`, String.raw`{"p\u0041SSW\u006fRD":[hidden],}`],
    [['password'], String.raw`"{\"\\u0070assword\":\"x\"}" y`, String.raw`"{\"\\u0070assword\":[hidden]}" y`],
    [['password'], String.raw`{\u0022password\u0022:\u0022x y\u0022}`, String.raw`{\u0022password\u0022:[hidden]}`],
    [['password'], String.raw`password\u003dx`, String.raw`password\u003d[hidden]`],
    [['a/b'], String.raw`{"a\/b":1`, String.raw`{"a\/b":[hidden]`],
    [['token'], '{"to\u212aen":1', '{"to\u212aen":[hidden]'],
    [['пароль'], '{"Пароль":1', '{"Пароль":[hidden]'],
    [['😀'], String.raw`{"\ud83d\uDE00":1`, String.raw`{"\ud83d\uDE00":[hidden]`],
    [['password'], String.raw`{"\u0070assword2":1`, String.raw`{"\u0070assword2":1`],
    [['password'], String.raw`C:\users\password: x`, String.raw`C:\users\password: [hidden]`],
  ])('hide fields whose names are written with escapes: %j in %s', async (names, text, redacted) => {
    expect((await new Redactor(names).text(text)).text).toBe(redacted);
  });

  it('never show a hidden value, wherever JSON is cut and whatever follows', async () => {
    const names = ['password', 'größe', 'a/b', '-пароль-', '😀'];
    const secret = fc.stringMatching(/^[a-z]{3}$/).map((word) => `SECRET ${word}`);
    const hiddenValue = fc.oneof(
      secret,
      fc.array(secret),
      fc.dictionary(fc.constantFrom('x', 'y "z'), secret),
      fc.tuple(secret, fc.constant('"]}\\')).map((parts) => parts.join('')),
    );
    const other = fc.constantFrom(
      1,
      null,
      'text',
      '"',
      '\\',
      [],
      {},
      ['a: b'],
      'password:',
      'password: "',
      'password=[',
      "password='",
    );
    const member = fc.oneof(
      fc.tuple(fc.constantFrom(...names), hiddenValue, fc.infiniteStream(fc.nat(3))),
      fc.tuple(fc.constantFrom('name', 'pass word', 'Ü'), other, fc.infiniteStream(fc.nat(3))),
    );
    const texts = fc
      .tuple(
        fc.array(member, { minLength: 1 }),
        fc.constantFrom('', ' ', '\n\t'),
        fc.nat(),
        fc.constantFrom('', ' ', '}', '{"password":', 'garbage "', String.raw`\u0070`),
        fc.nat(2),
      )
      .map(([members, space, cutAt, garbage, kind]) => {
        const fields = members.map(
          ([name, value, how]) => `"${escaped(name, how)}"${space}:${space}${JSON.stringify(value)}`,
        );
        const json = `{${fields.join(`${space},`)}}`;
        const deep = '['.repeat(600) + json;
        const text = kind === 0 ? deep : json;
        return kind === 1 ? text + garbage : text.slice(0, cutAt % (text.length + 1)) + garbage;
      });
    const redactor = new Redactor(names);
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        expect((await redactor.text(text)).text).not.toMatch(/SECRET/);
      }),
      { numRuns: 2_000 },
    );
  });

  it('hide all of what a path with any name at its end begins with', async () => {
    expect((await new Redactor(['user.*']).text('{"user":{"any":1},')).text).toBe('{"user":[hidden],');
  });

  it('hide a value of any length', async () => {
    const text = `password="${'x'.repeat(20_000_000)}`;

    expect((await new Redactor(['password']).text(text)).text).toBe('password=[hidden]');
  });

  it('hide values that are hidden elsewhere', async () => {
    expect((await redactor.loose('cannot charge 4111-1111', ['4111-1111', '41'])).text).toBe('cannot charge [hidden]');
  });

  it('take time in proportion to their length', async () => {
    const text = 'password="'.repeat(20_000);
    const begin = performance.now();
    await redactor.loose(text);

    expect(performance.now() - begin).toBeLessThan(5_000);
  });
});

describe('the scan of JSON', () => {
  const fields = new RedactedFields(['password', 'user.*']);
  const hidden = (value: unknown, path: readonly string[] = []): unknown => {
    if (fields.hides(path)) return HIDDEN;
    if (Array.isArray(value)) return value.map((item) => hidden(item, path));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, hidden(member, [...path, name.toLowerCase()])]),
    );
  };
  const values = fc.dictionary(fc.constantFrom('Password', 'a "b"', 'user', 'x\\\n'), fc.jsonValue({ maxDepth: 4 }));

  it('hides what is hidden in the values', async () => {
    await fc.assert(
      fc.asyncProperty(values, fc.nat(3), fc.constantFrom('user', 'list'), async (value, indent, name) => {
        const whole = { [name]: [{ deep: value }, value], more: value };
        const text = JSON.stringify(whole, undefined, indent);
        const found = (await scan(text, fields))!;

        expect(JSON.parse(found.text)).toEqual(hidden(JSON.parse(text))); // JSON has no -0
      }),
      { examples: [[{ user: -0 }, 0, 'user']] },
    );
  });

  it('takes for JSON what JSON.parse takes', async () => {
    const texts = fc.oneof(
      fc.constantFrom(
        '01',
        '-',
        '-0',
        '1.',
        '1e5',
        '"\\u12g4"',
        '"\\u12A4"',
        '"\\x"',
        '"\t"',
        '[1,]',
        '{"a":}',
        '{,}',
        '[',
        '',
        ' 1 ',
        '1 2',
        'nul',
        '\u00a01',
      ),
      fc
        .tuple(values, fc.nat(), fc.constantFrom('', ',', '"', '\\', '0', '-', ' ', '}', '\n', 'e'))
        .map(([value, at, put]) => {
          const text = JSON.stringify(value);
          return text.slice(0, at % text.length) + put + text.slice((at % text.length) + 1);
        }),
    );
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        expect((await scan(text, fields)) !== undefined, text).toBe(isJson(text));
      }),
      { numRuns: 1_000 },
    );
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

it('a cut never halves a character', () => {
  expect(cut('ab😀c', 3)).toBe('ab');
  expect(cut('ab😀c', 4)).toBe('ab😀');
});

describe('a task with hidden fields', () => {
  let dash: TestDashboard;

  beforeAll(async () => {
    useTestAssets();
    dash = await startTestApp({
      dashboard: {
        redact: ['password', 'authorization'],
        formatters: { payload: (_type, bytes) => `formatted ${Buffer.from(bytes).toString()}` },
        links: ({ payload }) => [{ label: 'app', url: `/orders?payload=${payload}` }],
      },
    });
    const payload = { password: 'hunter2-secret', shown: 'yes' };
    const headers = { authorization: 'Bearer abcdef', tenant: '7' };
    await dash.tasks.enqueue('login', payload, { queue: 'q', taskId: 'json', headers });
    await dash.tasks.enqueue('login', Buffer.from([0xff, 0x01]), { queue: 'q', taskId: 'bytes' });
  });

  afterAll(() => dash.app.close());

  it('never shows them, in any answer', async () => {
    const paths = [
      'task?queue=q&id=json',
      'task?queue=q&id=json&full=1',
      'tasks?queue=q&state=pending',
      'search?text=yes',
    ];
    const answers = await Promise.all(paths.map((path) => dash.get(`/monitoring/api/${path}`)));

    for (const { text } of answers) {
      expect(text).not.toMatch(/hunter2|abcdef/);
      expect(text).toContain('yes');
    }
    expect(answers[0]!.body.task.payload).toMatchObject({
      data: '{"password":"[hidden]","shown":"yes"}',
      isRedacted: true,
      formatted: 'formatted {"password":[hidden],"shown":"yes"}',
    });
    expect(answers[0]!.body.headers).toEqual([
      { name: 'authorization', value: '[hidden]', isRedacted: true },
      { name: 'tenant', value: '7', isRedacted: false },
    ]);
  });

  it('cannot be found by them, so that no search can guess them', async () => {
    const found = async (query: string) => (await dash.get(`/monitoring/api/search?${query}`)).body.tasks.length;

    expect(await found('payload=hunter2')).toBe(0);
    expect(await found('text=hunter2')).toBe(0);
    expect(await found('header=authorization%3DBearer+abcdef')).toBe(0);
    expect(await found('payload=shown')).toBe(1);
    const { text } = await dash.post('/monitoring/api/tasks/act-matching', {
      action: 'archive',
      dryRun: true,
      filter: { payload: 'hunter' },
    });
    expect(text).toContain('"matched":0');
  });

  it('shows nothing of bytes in which fields cannot be found', async () => {
    const { body } = await dash.get('/monitoring/api/task?queue=q&id=bytes');

    expect(body.task.payload).toMatchObject({ data: '[hidden]', bytes: 2, isRedacted: true });
  });

  it('is not edited with what stands in the place of hidden values', async () => {
    const payload = { encoding: 'text', data: '{"password":"[hidden]"}' };
    const { status, body } = await dash.post('/monitoring/api/tasks/new', { queue: 'q', type: 't', payload });

    expect([status, body.error.problems[0].field]).toEqual([400, 'payload']);
  });

  it('is copied whole', async () => {
    const { body } = await dash.post('/monitoring/api/task/again', { queue: 'q', id: 'json' });

    expect(Buffer.from((await dash.inspector.taskInfo('q', body.id)).payload).toString()).toContain('hunter2-secret');
  });
});

describe('large payloads with hidden fields', () => {
  const LOGINS = 5_000;
  const MOST_PER_TURN = 131_072;
  const login = { password: 'hunter2-secret', more: 'x'.repeat(80) };
  const payload = JSON.stringify(Array.from({ length: LOGINS }, () => login));
  let dash: TestDashboard;

  beforeAll(async () => {
    useTestAssets();
    dash = await startTestApp({ dashboard: { redact: ['password'] } });
    for (const taskId of ['1', '2', '3']) {
      await dash.tasks.enqueue('logins', Buffer.from(payload), { queue: 'q', taskId });
    }
    await dash.tasks.enqueue('logs', Buffer.from(`broken ${payload}`), { queue: 'text', taskId: '1' });
  });

  afterAll(() => dash.app.close());

  it.each([
    ['tasks?queue=q&state=pending', 3],
    ['task?queue=q&id=1&full=1', 1],
    ['search?queue=q&payload=xxx', 6],
    ['search?queue=q&text=hunter2', 3],
  ])('are worked on in slices: %s', async (path, scans) => {
    const hides = RedactedFields.prototype.hides;
    const spy = vi.spyOn(RedactedFields.prototype, 'hides');
    const watch = await TurnWatch.during((turns) => {
      spy.mockImplementation(function (this: RedactedFields, fieldPath) {
        turns.note();
        return hides.call(this, fieldPath);
      });
      return dash.get(`/monitoring/api/${path}`);
    }).finally(() => spy.mockRestore());

    expect(watch.total).toBe(scans * LOGINS);
    // One slice when the request arrives, and the next one in the same turn.
    expect(watch.most * (payload.length / LOGINS)).toBeLessThan(2.02 * MOST_PER_TURN);
  });

  it('are worked on in slices where they are no JSON', async () => {
    const redactor = new Redactor(['password']);
    const turns = await turnsDuring(() => redactor.loose(`broken ${payload}`));

    expect(turns).toBeGreaterThanOrEqual(Math.floor(payload.length / MOST_PER_TURN) - 1);
  });

  it.each([
    ['escapes', String.raw`\u0061`.repeat(150_000)],
    ['a hidden list', `{"password":[${'{},'.repeat(300_000)}`],
    ['hidden fields with escaped names', String.raw`"\u0070assword":1,`.repeat(50_000)],
  ])('are worked on in slices where they are no JSON, and have many of %s', async (_, text) => {
    const redactor = new Redactor(['password']);
    const turns = await turnsDuring(() => redactor.loose(text));

    expect(turns).toBeGreaterThanOrEqual(Math.floor(text.length / MOST_PER_TURN) - 1);
  });

  it('are worked on in slices where an error may repeat any of their secrets', async () => {
    const redactor = new Redactor(['password']);
    const secrets = Array.from({ length: 10_000 }, (_, nth) => `secret-${nth}`);
    const text = 'no login with secret-77; '.repeat(40);
    const shown: string[] = [];
    const turns = await turnsDuring(async () => shown.push((await redactor.loose(text, secrets)).text));

    expect(shown).toEqual(['no login with [hidden]; '.repeat(40)]);
    expect(turns).toBeGreaterThanOrEqual(4);
  });
});

/** A name in JSON; of each unit one of four ways to write it. */
function escaped(name: string, how: Iterable<number>): string {
  const ways = how[Symbol.iterator]();
  return name
    .split('')
    .map((unit) => {
      const hex = unit.charCodeAt(0).toString(16).padStart(4, '0');
      const forms = [
        unit,
        String.raw`\u${hex}`,
        String.raw`\u${hex.toUpperCase()}`,
        unit === '/' ? String.raw`\/` : unit,
      ];
      return forms[ways.next().value as number]!;
    })
    .join('');
}

/** Turns of the event loop that a piece of work takes. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  const count = (): void => {
    turns += 1;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  await work();
  clearImmediate(next);
  return turns;
}
