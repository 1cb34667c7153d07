import { sql } from 'drizzle-orm';
import { bigint, jsonb, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';

/** Who signed up. Names are unique whatever their case. */
export const members = pgTable(
  'members',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    membername: text('membername').notNull(),
    fullName: text('full_name').notNull(),
    email: text('email').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** When the member followed the link in the mail; `null` until then. */
    verifiedAt: timestamp('verified_at', { withTimezone: true }),
  },
  (table) => [uniqueIndex('members_membername_key').on(sql`lower(${table.membername})`)],
);

export type Member = typeof members.$inferSelect;

/** The one code that a member may verify with. Only its hash is kept: who reads the table cannot use it. */
export const verificationCodes = pgTable('verification_codes', {
  memberId: uuid('member_id')
    .primaryKey()
    .references(() => members.id, { onDelete: 'cascade' }),
  /** SHA-256 of the code, in hex. */
  codeHash: text('code_hash').notNull().unique(),
  expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
});

/** Tasks that a transaction decided on and that wait to be enqueued. A row leaves once the queue has its task. */
export const outbox = pgTable('outbox', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  taskType: text('task_type').notNull(),
  payload: jsonb('payload').notNull(),
  options: jsonb('options').notNull(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
});
