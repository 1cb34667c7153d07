import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { vi } from 'vitest';
import { openDatabase } from '../../apps/members/src/database/database.js';

/**
 * A folder of PGlite with the tables of the sample and no members. Making one takes seconds of processor time, so that
 * the first caller of a run, in whichever process, makes one for all, and each gets a copy.
 */
export async function copyDatabase(): Promise<string> {
  const folder = process.env['MEMBERS_DATABASES']!;
  const empty = join(folder, 'empty');
  const making = join(folder, 'making');
  const isFirst = await mkdir(making).then(
    () => true,
    () => false,
  );
  if (isFirst) {
    const database = await openDatabase({ pgliteDir: join(making, 'empty') });
    await database.close();
    await rename(join(making, 'empty'), empty);
  } else {
    await vi.waitUntil(() => existsSync(empty), { timeout: 60_000 });
  }
  const copy = await mkdtemp(join(folder, 'copy-'));
  await cp(empty, copy, { recursive: true });
  return copy;
}
