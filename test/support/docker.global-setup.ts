import { spawnSync } from 'node:child_process';

/** A Docker that hangs, or a slow registry, costs a run no more than this. */
const ANSWER_TIMEOUT_MS = 10_000;
const PULL_TIMEOUT_MS = 120_000;

/**
 * Runs once before the e2e project: finds or fetches the images, and prints one line about the tests skipped without
 * them.
 */
export default function setup(): void {
  const { env } = process;
  // The tests remove their containers themselves; its helper would be one more image to fetch.
  env['TESTCONTAINERS_RYUK_DISABLED'] ??= 'true';
  // Inside a container Testcontainers looks for Docker outside of it. DOCKER_HOST names another one.
  if (env['DOCKER_HOST'] === undefined) env['TESTCONTAINERS_HOST_OVERRIDE'] ??= '127.0.0.1';
  if (!succeeds(['version', '--format', '{{.Server.Version}}'], ANSWER_TIMEOUT_MS)) {
    console.warn('Tests with containers are skipped: Docker is not running. Start it, and run npm run test:e2e again.');
    return;
  }
  const image = env['REDIS_IMAGE'] ?? 'redis:7';
  if (hasImage(image)) env['TEST_REDIS_IMAGE'] = image;
  else
    console.warn(`Tests with containers are skipped: Docker cannot fetch ${image}; REDIS_IMAGE names another image.`);
  const postgres = env['POSTGRES_IMAGE'] ?? 'postgres:17-alpine';
  if (isLocal(postgres) || (env['TEST_REDIS_IMAGE'] && hasImage(postgres))) env['TEST_POSTGRES_IMAGE'] = postgres;
}

const isLocal = (image: string): boolean => succeeds(['image', 'inspect', image], ANSWER_TIMEOUT_MS);

const hasImage = (image: string): boolean => isLocal(image) || succeeds(['pull', '--quiet', image], PULL_TIMEOUT_MS);

function succeeds(args: readonly string[], timeoutMs: number): boolean {
  return spawnSync('docker', args, { stdio: 'ignore', timeout: timeoutMs }).status === 0;
}
