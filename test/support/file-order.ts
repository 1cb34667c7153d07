import { relative } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Projects of whole processes and servers, in the order of their files; the files of the last one are short. */
const PROJECTS = ['recovery', 'browser', 'heap', 'e2e', 'contract', 'interop'];

/** The first two projects begin together: half of the workers wait while the other half compute. */
const EACH_AT_ONCE = 3;

/** Files that take longest, for machines that have not measured them yet. */
const LONGEST = [
  ...['silent-master-fleet', 'poison', 'frozen-sentinel-master'].map((name) => `recovery/${name}.spec.ts`),
  ...['actions', 'screens', 'mounts'].map((name) => `dashboard/${name}.browser-spec.ts`),
  ...['packages', 'members-process', 'dashboard', 'quickstart', 'members-delivery', 'cli', 'cli-connections'].map(
    (name) => `e2e/${name}.e2e-spec.ts`,
  ),
  ...[
    ...['rights', 'restricted-servers', 'odd-types', 'redis', 'equivalence', 'proxy-cluster', 'key-guard'],
    ...['minimal-proxy', 'cluster', 'clocks', 'redis-secrets', 'connection-faults'],
  ].map((name) => `contract/${name}.spec.ts`),
  ...['attempts', 'groups', 'inspector', 'command-recorded'].map((name) => `interop/${name}.spec.ts`),
].map((path) => `test/${path}`);

/**
 * Long files first, so that none is left alone at the end while a core idles; and files that wait beside those that
 * compute. The files of a project stay together where they can: another project is another process.
 */
export class FileOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const longest = (file: TestSpecification): number => {
      const at = LONGEST.indexOf(relative(this.ctx.config.root, file.moduleId));
      return at < 0 ? LONGEST.length : at;
    };
    const sorted = (await super.sort(files)).toSorted((a, b) => longest(a) - longest(b));
    const [waiting = [], computing = [], ...others] = PROJECTS.map((name) =>
      sorted.filter(({ project }) => project.name === name),
    );
    const ordered = [
      ...[...waiting.splice(0, EACH_AT_ONCE), ...computing.splice(0, EACH_AT_ONCE)],
      ...[waiting, computing, ...others].flat(),
    ];
    return [...new Set([...ordered, ...sorted])];
  }
}
