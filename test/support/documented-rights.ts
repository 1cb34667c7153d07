import { readFile } from 'node:fs/promises';
import type { Redis } from 'ioredis';

const GUIDE = new URL('../../docs/guide/production.md', import.meta.url);

/** The ACL rules in the guide, by the names of the users. */
export async function documentedRights(): Promise<Readonly<Record<DocumentedUser, string[]>>> {
  const lines = [...(await readFile(GUIDE, 'utf8')).matchAll(/^ACL SETUSER (\S+) on >\S+ (.*)$/gm)];
  const rights = lines.map(([, name, rules = '']) => [name, rules.split(' ')] as const);
  return Object.fromEntries(rights) as Record<DocumentedUser, string[]>;
}

type DocumentedUser = 'worker' | 'enqueuer' | 'inspector' | 'viewer' | 'fewest';

/** Gives a user these rights and the password `secret`. */
export async function setUser(admin: Redis, name: string, rules: readonly string[]): Promise<void> {
  await admin.call('ACL', 'SETUSER', name, 'on', '>secret', ...rules);
}
