import { TaskDistributor } from 'nestjs-asynq';
import { describe, expect, it, vi } from 'vitest';
import type { Database } from '../../apps/members/src/database/database.js';
import { DATABASE } from '../../apps/members/src/database/database.module.js';
import { outbox } from '../../apps/members/src/database/schema.js';
import { OutboxRelay } from '../../apps/members/src/outbox/outbox-relay.js';
import { MembersApp } from './members-app.js';

const ada = { membername: 'ada', fullName: 'Ada Lovelace', email: 'ada@example.com' };

/** Longer than the interval of the relay. */
const NEXT_PASS = '5s';

describe('the outbox of the members app', () => {
  it('sends the mail although the queue was unavailable at the sign-up', async () => {
    await using app = await MembersApp.start();
    const refused = breakNextEnqueue(app, () => Promise.reject(new Error('Redis is away')));

    const response = await app.createMember(ada);
    await refused;
    await app.clock.advance(NEXT_PASS);

    expect(response.status).toBe(201);
    expect(await outcome(app)).toEqual({ tasks: 1, mails: 1, rowsLeft: 0 });
  });

  it('enqueues one task for a row that was enqueued but not deleted', async () => {
    await using app = await MembersApp.start();
    const died = breakNextEnqueue(app, async (enqueue) => {
      await enqueue();
      throw new Error('died before the commit');
    });

    await app.createMember(ada);
    await died;
    await app.clock.advance(NEXT_PASS);

    expect(await outcome(app)).toEqual({ tasks: 1, mails: 1, rowsLeft: 0 });
  });

  it('recognizes the task of a row that is delivered again after the mail was sent', async () => {
    await using app = await MembersApp.start();
    const created = await app.createMember(ada);
    const { id: memberId } = (await created.json()) as { id: string };
    await outcome(app);
    await database(app)
      .insert(outbox)
      .values({
        taskType: 'email:verify',
        payload: { memberId },
        options: { queue: 'critical', taskId: `email-verify:${memberId}` },
      });

    const delivered = await app.nest.get(OutboxRelay, { strict: false }).runOnce();

    expect(delivered).toBe(1);
    expect(app.countEvents('enqueued')).toBe(1);
  });

  it('leaves a task that the queue refuses in place, and delivers the others', async () => {
    await using app = await MembersApp.start();
    const row = { taskType: 'report:daily', payload: {} };
    await database(app)
      .insert(outbox)
      .values([
        { ...row, options: { queue: 'no{such}queue' } },
        { ...row, options: { queue: 'low', processIn: '1h' } },
      ]);

    const delivered = await app.nest.get(OutboxRelay, { strict: false }).runOnce();

    expect(delivered).toBe(1);
    expect(await database(app).select().from(outbox)).toMatchObject([{ options: { queue: 'no{such}queue' } }]);
  });

  it('writes nothing for a sign-up that is refused', async () => {
    await using app = await MembersApp.start();
    await app.createMember(ada);
    await app.event('enqueued');
    const add = vi.spyOn(app.nest.get(TaskDistributor, { strict: false }), 'enqueueMany');

    await app.createMember(ada);
    await app.nest.get(OutboxRelay, { strict: false }).runOnce();

    expect(add).not.toHaveBeenCalled();
  });
});

/** Interferes with the next enqueue. Resolves when it has happened. */
function breakNextEnqueue(app: MembersApp, fault: (enqueue: () => Promise<unknown>) => Promise<never>): Promise<void> {
  const distributor = app.nest.get(TaskDistributor, { strict: false });
  const original = distributor.enqueueMany.bind(distributor);
  return new Promise((resolve) => {
    vi.spyOn(distributor, 'enqueueMany').mockImplementationOnce((items) =>
      fault(() => original(items)).finally(resolve),
    );
  });
}

/** Waits until the mail is sent, and a minute more; then counts the mails. */
async function outcome(app: MembersApp): Promise<{ tasks: number; mails: number; rowsLeft: number }> {
  await app.event('enqueued');
  await app.clock.advance('10s');
  await app.event('succeeded');
  await app.clock.advance('1m');
  const rows = await database(app).select().from(outbox);
  return { tasks: app.countEvents('enqueued'), mails: app.mails.all.length, rowsLeft: rows.length };
}

function database(app: MembersApp): Database {
  return app.nest.get<Database>(DATABASE);
}
