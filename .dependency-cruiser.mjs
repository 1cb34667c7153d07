import { readFileSync } from 'node:fs';

/** A folder of core may import only the folders before it. Its specs may use `testing` and `test-support` too. */
const order = [
  'errors',
  'runtime',
  'wire',
  'cron',
  'task',
  'scripts',
  'broker',
  'partitions',
  'tracing',
  'events',
  'client',
  'inspector',
  'server',
  'scheduler',
  'metrics',
];

const forbid = (name, from, to) => ({ name, severity: 'error', from: { path: from }, to: { path: to } });

const pointsLeft = order.slice(0, -1).map((folder, index) => {
  const later = order.slice(index + 1);
  return forbid(`${folder}-points-left`, `^libs/core/src/${folder}/`, `^libs/core/src/(${later.join('|')})/`);
});

/** The same for the rooms of `server`; its own files wire them, and no room imports those. */
const rooms = ['leases', 'watch', 'run', 'upkeep', 'groups'];
const server = '^libs/core/src/server/';

const roomsPointLeft = [
  forbid('rooms-know-no-server', `${server}(${rooms.join('|')})/`, `${server}[^/]+$`),
  ...rooms
    .slice(0, -1)
    .map((room, index) =>
      forbid(`${room}-points-left`, `${server}${room}/`, `${server}(${rooms.slice(index + 1).join('|')})/`),
    ),
];

/** All of a workspace except what its `exports` lead to. */
function notExported(workspace) {
  const { exports } = JSON.parse(readFileSync(new URL(`${workspace}/package.json`, import.meta.url), 'utf8'));
  const files = Object.values(exports).map((entry) => entry.default ?? entry);
  const entries = files.map((file) => file.match(/^\.\/dist\/(.*)\.m?js$/)?.[1].replaceAll('.', '\\.')).filter(Boolean);
  return `^${workspace}/(src|dist)/(?!(${entries.join('|')})\\.(d\\.)?m?[jt]s$)`;
}

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    ...pointsLeft,
    ...roomsPointLeft,
    {
      name: 'testing-is-for-specs',
      severity: 'error',
      from: { path: '^libs/core/src/', pathNot: '^libs/core/src/(testing|test-support)/|\\.spec\\.ts$' },
      to: { path: '^libs/core/src/(testing|test-support)/' },
    },
    // The package leaves `test-support` out.
    forbid('published-knows-no-test-support', '^libs/core/src/testing/', '^libs/core/src/test-support/'),
    forbid('core-knows-no-nest', '^libs/core/', '^(libs/(?!core/)|apps/)|node_modules/@nestjs/'),
    forbid('nest-knows-no-app', '^libs/nestjs/', '^(apps|libs/dashboard)/'),
    // The command line serves the pages without Nest.
    forbid(
      'dashboard-knows-nest-in-one-room',
      '^libs/dashboard/src/(?!nest/|index\\.ts$|[^.]*\\.fixture\\.ts$|.*\\.spec\\.ts$)',
      '^libs/(nestjs|dashboard/src/nest)/|node_modules/@nestjs/',
    ),
    // What pages and server exchange; a browser has neither Node nor Nest.
    forbid(
      'api-of-dashboard-stands-alone',
      '^libs/dashboard/src/api/(?!.*\\.spec\\.ts$)',
      '^(?!libs/dashboard/src/api/)',
    ),
    forbid('pages-know-the-api-only', '^libs/dashboard/web/', '^libs/(?!dashboard/(web/|src/api/))'),
    forbid('server-knows-no-pages', '^libs/dashboard/src/', '^libs/dashboard/web/'),
    forbid('apps-know-public-names-only', '^apps/', '^libs/core/(src|dist)/internal'),
    forbid('cli-knows-no-nest', '^apps/cli/', '^(libs/nestjs/|apps/(?!cli/))|node_modules/(@nestjs/|ioredis)'),
    forbid(
      'front-door-only',
      '^(libs/(?!core/)|apps/|test/(?!support/(test-queue|recorded-spans)\\.ts$))',
      notExported('libs/core'),
    ),
    forbid(
      'test-support-by-its-doors',
      '^test/support/(test-queue|recorded-spans)\\.ts$',
      '^libs/core/(src|dist)/(?!test-support/)',
    ),
    forbid('front-door-of-nest-only', '^(libs/(?!nestjs/)|apps/|test/)', notExported('libs/nestjs')),
    forbid('front-door-of-dashboard-only', '^(libs/(?!dashboard/)|apps/|test/)', notExported('libs/dashboard')),
    forbid('libs-know-no-test', '^(libs|apps)/', '^test/'),
    // An optional peer: only those who import the entry need it.
    forbid(
      'opentelemetry-stays-in-tracing',
      '^libs/core/src/(?!tracing/|test-support/)(?!.*\\.spec\\.ts$)',
      'node_modules/@opentelemetry/',
    ),
    forbid('tracing-is-an-entry', '^libs/core/src/(?!tracing/)(?!.*\\.spec\\.ts$)', '^libs/core/src/tracing/'),
    // `connection.ts` names types of ioredis, as its options are part of ours.
    {
      name: 'redis-stays-in-broker',
      severity: 'error',
      from: { path: '^libs/core/src/(?!broker/redis/|test-support/)', pathNot: '\\.spec\\.ts$' },
      to: { path: 'node_modules/ioredis/', dependencyTypesNot: ['type-only'] },
    },
    // Two implementations of one contract; what they share lies beside them.
    forbid('memory-knows-no-redis', '^libs/core/src/broker/memory/', '^libs/core/src/broker/redis/'),
    forbid('redis-knows-no-memory', '^libs/core/src/broker/redis/', '^libs/core/src/broker/memory/'),
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules', 'dist/'] },
    // Other queues, in the benchmark and in the recovery trial, have packages of their own, which are there when they run.
    exclude: { path: ['^dist/', '/dist/.*\\.map$', '^bench/external/', '^test/recovery/soak/contenders/bullmq/'] },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
      extensions: ['.ts', '.tsx', '.mts', '.js', '.mjs', '.json'],
    },
  },
};
