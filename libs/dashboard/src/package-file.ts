import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The path of a file or folder of this package, from its root.
 * @throws {Error} it is not there: not built, or left behind by a bundler
 */
export function packageFile(path: string): string {
  // A bundle that is an ES module has no `__dirname`.
  const file = join(typeof __dirname === 'string' ? join(__dirname, '..') : '.', path);
  if (existsSync(file)) return file;
  throw new Error(
    `the dashboard does not find ${path} of its package in ${file}: in a bundle, make @nestjs-asynq/dashboard external; ` +
      'in its repository, build it first',
  );
}
