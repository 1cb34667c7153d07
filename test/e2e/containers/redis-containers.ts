import type { AsynqModuleOptions } from 'nestjs-asynq';
import { GenericContainer, type StartedTestContainer, Wait } from 'testcontainers';

const IMAGE = process.env['REDIS_IMAGE'] ?? 'redis:7';

/** Redis in a container. `await using` stops and removes it, also when the test fails. */
export interface RedisContainer extends AsyncDisposable {
  /** For `AsynqModule.forRoot({ connection })`. */
  readonly connection: AsynqModuleOptions['connection'];
  /** `redis-cli` in the container; the arguments begin with `-p` and a port. Resolves with its output. */
  cli(...args: string[]): Promise<string>;
}

export async function startRedis(): Promise<RedisContainer> {
  const container = await new GenericContainer(IMAGE)
    .withCommand(['redis-server', '--protected-mode', 'no', '--save', ''])
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
    .start();
  const { host, port } = outside(container, 6379);
  return opened(container, { url: `redis://${host}:${port}` });
}

/** A cluster of one master per port, all in one container. */
export async function startRedisCluster(ports = [7000, 7001, 7002], publish = anywhere): Promise<RedisContainer> {
  const container = await new GenericContainer(IMAGE)
    .withCommand(['sh', '-c', START_CLUSTER, 'sh', ...ports.map(String)])
    .withExposedPorts(...ports.map(publish))
    .withWaitStrategy(Wait.forLogMessage('Cluster state changed: ok', ports.length))
    .start();
  return opened(container, {
    cluster: ports.map((port) => outside(container, port)),
    options: { natMap: natMap(container, ports) },
  });
}

/** A master, its replica, and a sentinel that knows the master as `main`, all in one container. */
export async function startRedisSentinel(ports = [6379, 6380, 26379], publish = anywhere): Promise<RedisContainer> {
  const [master, replica, sentinel] = ports as [number, number, number];
  const container = await new GenericContainer(IMAGE)
    .withCommand(['sh', '-c', START_SENTINEL, 'sh', ...ports.map(String)])
    .withExposedPorts(...ports.map(publish))
    .withWaitStrategy(Wait.forLogMessage('+slave slave'))
    .start();
  return opened(container, {
    sentinels: [outside(container, sentinel)],
    name: 'main',
    options: { natMap: natMap(container, [master, replica]) },
  });
}

const START_CLUSTER = `
for port; do
  mkdir -p /tmp/$port
  (cd /tmp/$port && exec redis-server --port $port --cluster-enabled yes --protected-mode no --save '') &
  nodes="$nodes 127.0.0.1:$port"
done
for port; do until redis-cli -p $port ping; do sleep 0.1; done; done
redis-cli --cluster create $nodes --cluster-yes
wait`;

const START_SENTINEL = `
redis-server --port $1 --protected-mode no --save '' &
redis-server --port $2 --protected-mode no --save '' --replicaof 127.0.0.1 $1 &
until redis-cli -p $1 ping; do sleep 0.1; done
redis-cli -p $1 wait 1 0
printf 'port %s\nsentinel monitor main 127.0.0.1 %s 1\n' $3 $1 > /tmp/sentinel.conf
exec redis-server /tmp/sentinel.conf --sentinel`;

/** Docker chooses the port outside. */
const anywhere = (port: number): number | SamePort => port;

/** The port is the same outside, so that the addresses that the nodes announce are valid for every program. */
export const underSamePort = (port: number): SamePort => ({ container: port, host: port });

interface SamePort {
  readonly container: number;
  readonly host: number;
}

/** Nodes and sentinels announce addresses inside the container; this maps them to those outside. */
function natMap(container: StartedTestContainer, ports: readonly number[]) {
  return Object.fromEntries(ports.map((port) => [`127.0.0.1:${port}`, outside(container, port)]));
}

function outside(container: StartedTestContainer, port: number): { host: string; port: number } {
  return { host: container.getHost(), port: container.getMappedPort(port) };
}

function opened(container: StartedTestContainer, connection: AsynqModuleOptions['connection']): RedisContainer {
  return {
    connection,
    cli: async (...args) => (await container.exec(['redis-cli', ...args])).stdout,
    [Symbol.asyncDispose]: async () => void (await container.stop()),
  };
}
