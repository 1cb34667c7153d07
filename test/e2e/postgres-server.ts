import { GenericContainer, Wait } from 'testcontainers';
import { postgresImage } from '../support/docker.js';
import { findPostgres, startPostgresIn } from '../support/postgres-programs.js';

const programs = findPostgres();

/** Whether {@link startPostgres} can. */
export const hasPostgres = postgresImage !== undefined || programs !== undefined;

export interface PostgresServer extends AsyncDisposable {
  readonly url: string;
}

/**
 * An empty PostgreSQL of a test's own, in a container or from this machine's programs, removed with the test process at
 * the latest.
 */
export function startPostgres(): Promise<PostgresServer> {
  return postgresImage === undefined ? startPostgresIn(programs!) : startContainer(postgresImage);
}

async function startContainer(image: string): Promise<PostgresServer> {
  const container = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_USER: 'members', POSTGRES_DB: 'postgres', POSTGRES_HOST_AUTH_METHOD: 'trust' })
    .withExposedPorts(5432)
    // The first time it is ready for the scripts of the image alone.
    .withWaitStrategy(Wait.forLogMessage('ready to accept connections', 2))
    .start();
  return {
    url: `postgres://members@${container.getHost()}:${container.getMappedPort(5432)}/postgres`,
    [Symbol.asyncDispose]: async () => void (await container.stop()),
  };
}
