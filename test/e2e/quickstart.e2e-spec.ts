import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { redisImage } from '../support/docker.js';
import { drawPorts, PORTS } from '../support/free-port.js';
import { findProgram, QuickstartProcess, runApp, traces } from './quickstart-process.js';

const NOTHING = { files: [], processes: [] };

const server = findProgram(process.env['REDIS_SERVER_BIN'] ?? '');
const docker = findProgram('docker');

/** Everything that a test leaves on disk. */
let scratch: string;
/** Where the launcher puts its temporary files. */
let temporary: string;
let port: number;
let withServer: string;
const launched: QuickstartProcess[] = [];

beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'quickstart-'));
  temporary = join(scratch, 'tmp');
  mkdirSync(temporary);
  [port] = (await drawPorts(1, PORTS.quickstart)) as [number];
  withServer = `${pathTo({ 'redis-server': server })}${delimiter}${process.env['PATH']}`;
});
/** A test that failed may have left something. */
afterEach(async () => {
  for (const run of launched.splice(0)) run.killGroup();
  if (traces(temporary, port).files.length > 0) await launch(['--stop']).ended;
  rmSync(scratch, { recursive: true });
});

describe.skipIf(!server)('npm run quickstart (skipped without a Redis server of its own)', () => {
  it('handles a task of each queue on a cluster, shows slots and nodes, and leaves nothing', async () => {
    const run = launch([]);

    const { code, stdout, stderr } = await run.ended;

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^client {3}enqueued notifications:email into the queue notifications, id [\w-]{36}$/m);
    expect(stdout).toMatch(/^client {3}enqueued webhooks:sync into the queue webhooks, id [\w-]{36}$/m);
    expect(stdout).toMatch(/^client {3}enqueued images:resize into the queue images, id [\w-]{36}$/m);
    expect(stdout).toMatch(/^worker {3}notifications:email: send an email from 456 to 123$/m);
    expect(stdout).toMatch(/^worker {3}webhooks:sync: pass on 123$/m);
    expect(stdout).toMatch(/^worker {3}images:resize: resize some\/path\/to\/image$/m);
    expect(stdout).toContain(`${tableOfQueues()}\n\nEverything is stopped.`);
    expect(traces(temporary, port)).toEqual(NOTHING);
  });

  it('leaves the cluster up with --keep, prints the next commands, and stops it with --stop', async () => {
    const kept = await launch(['--keep']).ended;
    const up = traces(temporary, port);
    const again = await launch([]).ended;
    const addresses = /export ASYNQ_CLUSTER_ADDRS=(\S+)/.exec(kept.stdout)?.[1] ?? '';
    const byHand = runApp('dist/apps/quickstart/client.js', { ASYNQ_CLUSTER_ADDRS: addresses });
    const stopped = await launch(['--stop']).ended;
    const nothingLeft = await launch(['--stop']).ended;

    expect(kept).toMatchObject({ code: 0, stderr: '' });
    expect(kept.stdout).toContain(`npm run quickstart -- --stop --port ${port}`);
    expect(up.files).toEqual([`asynq-quickstart-${port}`]);
    expect(up.processes).toHaveLength(6);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain(`"npm run quickstart -- --stop --port ${port}" stops`);
    expect(byHand.stdout).toMatch(/^(enqueued .*\n){3}$/);
    expect(stopped).toEqual({ code: 0, stdout: `stopped the cluster on the ports ${port} to ${port + 5}`, stderr: '' });
    expect(nothingLeft.stdout).toBe(`there is no cluster to stop on the ports ${port} to ${port + 5}`);
    expect(traces(temporary, port)).toEqual(NOTHING);
  });

  it.each([3, 10_002])('says in one line that port + %i is in use', async (offset) => {
    await using server = createServer().listen(port + offset, '127.0.0.1');

    const { code, stdout, stderr } = await launch([]).ended;

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      `ports in use: ${port + offset}; "npm run quickstart -- --port N" takes the ports N to N + 5\n`,
    );
    expect(server.listening).toBe(true);
    expect(traces(temporary, port)).toEqual(NOTHING);
  });

  it.each([
    ['while the nodes start', /^cluster {2}starts/],
    ['while client or worker run', /^client {3}enqueued images/],
  ])('leaves nothing after Ctrl-C %s', async (_when, line) => {
    const run = launch([]);
    await run.printed(line);
    run.pressCtrlC();

    const { code } = await run.ended;

    expect(code).toBe(130);
    expect(traces(temporary, port)).toEqual(NOTHING);
  });

  it('leaves nothing when its output is cut off, as by head', async () => {
    const run = launch([]);
    await run.printed(/^cluster {2}starts/);
    run.closeOutput();

    const { code } = await run.ended;

    expect(code).toBe(1);
    expect(traces(temporary, port)).toEqual(NOTHING);
  });

  it('says what to install where there is neither a server nor Docker', async () => {
    const { code, stdout, stderr } = await launch([], pathTo({})).ended;

    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      'no Redis here: put redis-server or valkey-server (6.2 or later) on the PATH, or start Docker\n',
    );
  });

  it.each([
    [['--port', '70000'], '--port is "70000": it must be a whole number from 1 to 55530'],
    [['--port', '7e3'], '--port is "7e3": it must be a whole number from 1 to 55530'],
    [['--kept'], "Unknown option '--kept'; the options are --keep, --stop and --port N"],
    [['--keep', '--stop'], '--keep and --stop exclude each other'],
  ])('refuses %j', async (args, message) => {
    const run = new QuickstartProcess(args, { path: withServer, temporary });

    expect(await run.ended).toEqual({ code: 1, stdout: '', stderr: `${message}\n` });
  });
});

describe.skipIf(!redisImage)('npm run quickstart with Docker alone (skipped without Docker)', () => {
  it('does the same in a container, and removes it', async () => {
    const { code, stdout, stderr } = await launch([], pathTo({ docker })).ended;

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain(tableOfQueues());
    expect(containers()).toBe('');
  });

  it.each([
    ['while the container starts', /^cluster {2}starts/],
    ['while the client runs', /^cluster {2}is up/],
  ])('leaves no container after Ctrl-C %s', async (_when, line) => {
    const run = launch([], pathTo({ docker }));
    await run.printed(line);
    run.pressCtrlC();

    const { code } = await run.ended;

    expect(code).toBe(130);
    expect(containers()).toBe('');
  });

  it('leaves the container up with --keep, and removes it with --stop', async () => {
    const kept = await launch(['--keep'], pathTo({ docker })).ended;
    const up = containers();
    const stopped = await launch(['--stop'], pathTo({ docker })).ended;

    expect([kept.code, stopped.code]).toEqual([0, 0]);
    expect(up).toBe(`asynq-quickstart-${port}\n`);
    expect(containers()).toBe('');
  });
});

function launch(args: readonly string[], path = withServer): QuickstartProcess {
  const run = new QuickstartProcess(['--port', String(port), ...args], { path, temporary });
  launched.push(run);
  return run;
}

/** A folder for the PATH with these programs and no others. */
function pathTo(programs: Readonly<Record<string, string | undefined>>): string {
  const folder = mkdtempSync(join(scratch, 'bin-'));
  for (const [name, file] of Object.entries(programs)) if (file) symlinkSync(file, join(folder, name));
  return folder;
}

/** What `asynq queue ls --cluster` prints. Each range of slots has a master and a replica. */
function tableOfQueues(): string {
  const nodes = (...offsets: number[]) => offsets.map((offset) => `127.0.0.1:${port + offset}`).join(' ');
  return [
    '$ asynq queue ls --cluster',
    'Queue          Cluster KeySlot  Cluster Nodes',
    '-----          ---------------  -------------',
    `images         9450             ${nodes(1, 5)}`,
    `notifications  16340            ${nodes(2, 3)}`,
    `webhooks       4418             ${nodes(0, 4)}`,
  ].join('\n');
}

function containers(): string {
  const args = ['ps', '--all', '--filter', `name=asynq-quickstart-${port}`, '--format', '{{.Names}}'];
  return spawnSync(docker!, args, { encoding: 'utf8' }).stdout;
}
