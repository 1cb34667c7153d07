import { TaskDistributor } from 'nestjs-asynq';
import { describe, expect, it } from 'vitest';
import type { Database } from '../../apps/members/src/database/database.js';
import { DATABASE } from '../../apps/members/src/database/database.module.js';
import { verificationCodes } from '../../apps/members/src/database/schema.js';
import { MembersApp } from './members-app.js';

const ada = { membername: 'ada', fullName: 'Ada Lovelace', email: 'ada@example.com' };

/** Signs Ada up and waits until her task is in the queue. */
async function signUp(app: MembersApp): Promise<{ id: string }> {
  const response = await app.createMember(ada);
  await app.event('enqueued');
  return (await response.json()) as { id: string };
}

/** Signs Ada up and lets the mail arrive. */
async function receiveMail(app: MembersApp): Promise<{ id: string; code: string }> {
  const { id } = await signUp(app);
  await app.clock.advance('10s');
  const { code } = await app.mails.next();
  await app.event('succeeded');
  return { id, code };
}

describe('the members app', () => {
  it('answers a sign-up with the member, and nothing else', async () => {
    await using app = await MembersApp.start();

    const response = await app.createMember({ ...ada, verifiedAt: '2020-01-01' });

    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({
      ...ada,
      id: expect.stringMatching(/^[\da-f-]{36}$/),
      createdAt: expect.stringMatching(/^\d{4}-/),
      verifiedAt: null,
    });
  });

  it('enqueues one task for a sign-up, on the critical queue, ten seconds ahead', async () => {
    await using app = await MembersApp.start();

    const response = await app.createMember(ada);

    const { id } = (await response.json()) as { id: string };
    expect(await app.event('enqueued')).toMatchObject({
      id: `email-verify:${id}`,
      type: 'email:verify',
      queue: 'critical',
      state: 'scheduled',
      nextProcessAt: new Date(app.clock.nowMs() + 10_000),
    });
  });

  it('sends the mail after ten seconds, and not before', async () => {
    await using app = await MembersApp.start();
    await signUp(app);

    await app.clock.advance(9_999);
    expect(app.countEvents('started')).toBe(0);
    await app.clock.advance(1);

    const mail = await app.mails.next();
    expect(mail.to).toEqual({ name: 'Ada Lovelace', address: 'ada@example.com' });
    expect(mail.text).toContain('Hello Ada Lovelace,');
    expect(mail.text).toMatch(/^https:\/\/members\.example\.com\/members\/verify\?code=[\w-]{43}$/m);
  });

  it('verifies the member that follows the link, and answers the same when it is opened again', async () => {
    await using app = await MembersApp.start();
    const { id, code } = await receiveMail(app);

    const first = await app.verify(code);
    await app.clock.advance('1h');
    const second = await app.verify(code);

    const verified = { ...ada, id, createdAt: expect.any(String), verifiedAt: '2023-11-14T22:13:30.000Z' };
    expect([first.status, await first.json()]).toEqual([200, verified]);
    expect([second.status, await second.json()]).toEqual([200, verified]);
  });

  it('stores no usable code, only its hash', async () => {
    await using app = await MembersApp.start();
    const { code } = await receiveMail(app);

    const [row] = await app.nest.get<Database>(DATABASE).select().from(verificationCodes);

    expect(row!.codeHash).toMatch(/^[\da-f]{64}$/);
    expect(JSON.stringify(row)).not.toContain(code);
  });

  it('refuses a code that is fifteen minutes old', async () => {
    await using app = await MembersApp.start();
    const { code } = await receiveMail(app);
    await app.clock.advance('15m');

    const response = await app.verify(code);

    expect(response.status).toBe(410);
  });

  it.each([
    ['an unknown code', 'never-issued', 404],
    ['no code', '', 400],
  ])('refuses %s', async (_, code, status) => {
    await using app = await MembersApp.start();

    const response = await app.verify(code);

    expect(response.status).toBe(status);
  });

  it.each(['ada', 'ADA'])('refuses the second member of a name, given as %s, and sends nothing', async (membername) => {
    await using app = await MembersApp.start();
    await signUp(app);

    const response = await app.createMember({ ...ada, membername, email: 'other@example.com' });

    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ message: `membername "${membername}" is taken` });
    await receiveNothingMoreThan(app, 1);
  });

  it.each([
    ['membername', 'a b'],
    ['membername', ''],
    ['membername', undefined],
    ['fullName', 'Ada\r\nBcc: all@example.com'],
    ['fullName', 42],
    ['email', 'ada'],
  ])('refuses a sign-up with %s %j', async (field, value) => {
    await using app = await MembersApp.start();

    const response = await app.createMember({ ...ada, [field]: value });

    expect(response.status).toBe(400);
    expect(JSON.stringify(await response.json())).toContain(field);
  });

  it('sends a new code after a failure, and invalidates the previous one', async () => {
    await using app = await MembersApp.start();
    app.mails.failures.push(new Error('421 try again later'));
    await signUp(app);
    await app.clock.advance('10s');
    const failed = await app.mails.next();
    await app.event('retried');

    await app.clock.advance('1m');
    const { code } = await app.mails.next();

    expect((await app.verify(failed.code)).status).toBe(404);
    expect((await app.verify(code)).status).toBe(200);
  });

  it('sends nothing to a member who is already verified', async () => {
    await using app = await MembersApp.start();
    const { id, code } = await receiveMail(app);
    await app.verify(code);

    await app.nest.get(TaskDistributor, { strict: false }).enqueue('email:verify', { memberId: id });
    await app.event('succeeded');

    expect(app.mails.all).toHaveLength(1);
  });

  it.each([
    ['a member that does not exist', { memberId: '00000000-0000-4000-8000-000000000000' }, 'there is no member'],
    ['no member at all', {}, 'memberId must be a UUID'],
  ])('archives a task for %s at once, because no retry can succeed', async (_, payload, reason) => {
    await using app = await MembersApp.start();

    await app.nest.get(TaskDistributor, { strict: false }).enqueue('email:verify', payload as { memberId: string });

    expect(await app.event('archived')).toMatchObject({ error: { message: expect.stringContaining(reason) } });
  });
});

/** Lets a minute pass and counts the mails. */
async function receiveNothingMoreThan(app: MembersApp, count: number): Promise<void> {
  await app.clock.advance('10s');
  await app.event('succeeded');
  await app.clock.advance('1m');
  expect(app.mails.all).toHaveLength(count);
  expect(app.countEvents('enqueued')).toBe(count);
}
