import { spawnSync } from 'node:child_process';
import { GenericContainer } from 'testcontainers';
import { OrphanCleanup } from './orphan-cleanup.js';

/** Image of Redis that `docker.global-setup.ts` has found; `undefined`: containers are not available. */
export const redisImage = process.env['TEST_REDIS_IMAGE'];

/** Image of PostgreSQL, likewise. */
export const postgresImage = process.env['TEST_POSTGRES_IMAGE'];

const LOOPBACK = '127.0.0.1';

const created: string[] = [];
let cleanup: OrphanCleanup | undefined;

/**
 * Makes Testcontainers remove its containers with this process, however it ends, and publish their ports only on this
 * machine.
 */
export function confineContainers(): void {
  Object.assign(GenericContainer.prototype, {
    async beforeContainerCreated(this: Hooked) {
      if (process.env['TESTCONTAINERS_HOST_OVERRIDE'] !== LOOPBACK) return;
      for (const binding of Object.values(this.hostConfig.PortBindings ?? {}).flat()) binding.HostIp = LOOPBACK;
    },
    async containerCreated(id: string) {
      created.push(id);
      const command = `docker rm -f -v ${created.join(' ')}`;
      if (cleanup) cleanup.revise(command);
      else cleanup = new OrphanCleanup(command);
    },
  });
}

/** The protected view of a container. */
interface Hooked {
  readonly hostConfig: { readonly PortBindings?: Record<string, { HostIp?: string }[]> };
}

/** The existing containers of this process, running or not. */
export function containersLeft(): string[] {
  const { stdout } = spawnSync('docker', ['ps', '--all', '--no-trunc', '--format', '{{.ID}}'], { encoding: 'utf8' });
  return stdout.split('\n').filter((id) => created.includes(id));
}
