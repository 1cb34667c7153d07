import { sql } from 'drizzle-orm';
import { bigint, jsonb, pgTable, text, timestamp, uniqueIndex, uuid } from 'drizzle-orm/pg-core';

/** The members. Names are unique, ignoring case. */
export const members = pgTable(
  'members',
  {
    id: uuid('id').primaryKey().defaultRandom(),
    membername: text('membername').notNull(),
    fullName: text('full_name').notNull(),
    email: text('email').notNull(),
    createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
    /** When the member opened the link in the mail; `null` until then. */
    verifiedAt: timestamp('verified_at', { withTimezone: true }),
  },
  (table) => [uniqueIndex('members_membername_key').on(sql`lower(${table.membername})`)],
);

export type Member = typeof members.$inferSelect;

/**
 * The current verification code of a member. Only its hash is stored, so that reading the table is not enough to use
 * it.
 */
export const verificationCodes = pgTable('verification_codes', {
  memberId: uuid('member_id')
    .primaryKey()
    .references(() => members.id, { onDelete: 'cascade' }),
  /** SHA-256 of the code, in hex. */
  codeHash: text('code_hash').notNull().unique(),
  expiresAt: timestamp('expires_at', { withTimezone: true }).notNull(),
});

/** Tasks written by a transaction that wait to be enqueued. A row is deleted once the queue has its task. */
export const outbox = pgTable('outbox', {
  id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  taskType: text('task_type').notNull(),
  payload: jsonb('payload').notNull(),
  options: jsonb('options').notNull(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
});
