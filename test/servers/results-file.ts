import { readFile, writeFile } from 'node:fs/promises';
import { format } from 'prettier';
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import type { ServerProgram } from './programs.js';

const FILE = new URL('results.json', import.meta.url);

/** Kinds of connections, each with the spec that runs the whole contract over it. */
const CONNECTIONS: Readonly<Record<string, string>> = {
  'test/contract/redis.spec.ts': 'TCP',
  'test/servers/unix-socket.spec.ts': 'unix socket',
  'test/servers/tls.spec.ts': 'TLS and ACL',
  'test/servers/fewest-rights.spec.ts': 'fewest rights',
  'test/servers/sentinel.spec.ts': 'Sentinel',
  'test/servers/sentinel-tls.spec.ts': 'Sentinel, TLS',
  'test/contract/cluster.spec.ts': 'Cluster',
  'test/contract/proxy-cluster.spec.ts': 'proxy cluster',
  'test/contract/minimal-proxy.spec.ts': 'minimal proxy',
};

/** What depends on the server, too: its limits, refusals, rights and faults. */
const LIMITS = ['database', 'full-redis', 'odd-keys', 'odd-types', 'redis-urls', 'refusing-redis'];
const FAULTS = ['replicas', 'rights', 'slot-move'];
const OTHERS = [...LIMITS, ...FAULTS].map((name) => `test/contract/${name}.spec.ts`);
const OTHERS_STAGE = 'limits and faults';

/** The specs that run on each server. */
export const SPECS: readonly string[] = [...Object.keys(CONNECTIONS), ...OTHERS];

/** The tests of one stage on one server. */
interface StageResult {
  passed: number;
  failed: number;
  /** Names of the tests that do not apply, by the reason; without names when none does. */
  notApplicable: Record<string, string[]>;
}

/** What is known of one server. */
interface ServerResult {
  readonly name: string;
  readonly source: string;
  /** Of the last run of any stage, `yyyy-mm-dd`. */
  readonly date: string;
  readonly stages: Readonly<Record<string, StageResult>>;
}

/** Keeps the results of each stage that ran in full on a server in `results.json`; those of others stay. */
export class ResultsFile implements Reporter {
  private vitest: Vitest | undefined;

  constructor(private readonly programs: readonly ServerProgram[]) {}

  onInit(vitest: Vitest): void {
    this.vitest = vitest;
  }

  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    if (this.vitest?.config.testNamePattern) return;
    const results = new Map((await readResults()).map((result) => [result.name, result]));
    for (const { name, source } of this.programs) {
      const stages = stagesOf(modules.filter(({ project }) => project.name === name));
      if (Object.keys(stages).length === 0) continue;
      const date = new Date().toISOString().slice(0, 10);
      results.set(name, { name, source, date, stages: { ...results.get(name)?.stages, ...stages } });
    }
    const sorted = [...results.values()].toSorted((a, b) => a.name.localeCompare(b.name));
    await writeFile(FILE, await format(JSON.stringify(sorted), { parser: 'json', printWidth: 120 }));
  }
}

async function readResults(): Promise<ServerResult[]> {
  return JSON.parse(await readFile(FILE, 'utf8')) as ServerResult[];
}

/** The stages of which every spec ran. */
function stagesOf(modules: readonly TestModule[]): Record<string, StageResult> {
  const stages: Record<string, StageResult> = {};
  for (const module of modules) {
    const stage = CONNECTIONS[module.relativeModuleId];
    if (stage !== undefined) stages[stage] = resultOf([module]);
  }
  const others = modules.filter(({ relativeModuleId }) => OTHERS.includes(relativeModuleId));
  if (others.length === OTHERS.length) stages[OTHERS_STAGE] = resultOf(others);
  return stages;
}

function resultOf(modules: readonly TestModule[]): StageResult {
  const stage: StageResult = { passed: 0, failed: 0, notApplicable: {} };
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') stage.passed += 1;
      else if (result.state === 'skipped') (stage.notApplicable[result.note ?? 'skipped'] ??= []).push(test.name);
      else stage.failed += 1;
    }
    if (!module.ok() && stage.failed === 0) stage.failed += 1; // it did not load, or a hook failed
  }
  if (stage.passed + stage.failed === 0) for (const names of Object.values(stage.notApplicable)) names.length = 0;
  return stage;
}
