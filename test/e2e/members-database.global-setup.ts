import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OrphanCleanup } from '../support/orphan-cleanup.js';

/** Runs once around the e2e project: where `copyDatabase` keeps its databases. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'members-'));
  const cleanup = new OrphanCleanup(`rm -rf ${folder}`);
  process.env['MEMBERS_DATABASES'] = folder;
  return () => {
    rmSync(folder, { recursive: true, force: true });
    cleanup[Symbol.dispose]();
  };
}
