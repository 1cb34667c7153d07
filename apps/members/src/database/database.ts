import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PGlite } from '@electric-sql/pglite';
import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePg } from 'drizzle-orm/node-postgres';
import { migrate as migratePg } from 'drizzle-orm/node-postgres/migrator';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';
import { migrate as migratePglite } from 'drizzle-orm/pglite/migrator';
import pg from 'pg';

/** The database as the app sees it: the same for PostgreSQL, for PGlite, and inside a transaction of either. */
export type Database = PgDatabase<PgQueryResultHKT>;

export interface OpenDatabase {
  readonly db: Database;
  /** A description for logs. */
  readonly description: string;
  close(): Promise<void>;
}

/** Where members are stored. Default: PGlite in memory, lost at exit. */
interface DatabaseLocation {
  /** A PostgreSQL server, as `postgres://user:password@host:port/name`. */
  readonly databaseUrl?: string | undefined;
  /** A folder for PGlite, created if missing. One process at a time. */
  readonly pgliteDir?: string | undefined;
}

const migrations = { migrationsFolder: fileURLToPath(new URL('migrations', import.meta.url)) };

/** Any number that no other program locks in the same database. */
const MIGRATION_LOCK = 7_241_963;

/** Opens the database and brings its tables up to date. */
export async function openDatabase({ databaseUrl, pgliteDir }: DatabaseLocation): Promise<OpenDatabase> {
  return databaseUrl === undefined ? openPglite(pgliteDir) : openPostgres(databaseUrl);
}

async function openPglite(dir: string | undefined): Promise<OpenDatabase> {
  if (dir !== undefined) await mkdir(dir, { recursive: true });
  const client = await PGlite.create(dir);
  const db = drizzlePglite(client);
  await migratePglite(db, migrations);
  return { db, description: dir === undefined ? 'PGlite in memory' : `PGlite in ${dir}`, close: () => client.close() };
}

async function openPostgres(url: string): Promise<OpenDatabase> {
  const pool = new pg.Pool({ connectionString: url, connectionTimeoutMillis: 5000 });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined);
  try {
    await migrateAlone(pool);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return { db: drizzlePg(pool), description: 'PostgreSQL', close: () => pool.end() };
}

/** Runs the migrations on one connection under a lock, because several instances may boot at the same time. */
async function migrateAlone(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await migratePg(drizzlePg(client), migrations);
  } finally {
    // Destroyed, not released to the pool: the lock ends with its connection in any case.
    client.release(true);
  }
}
