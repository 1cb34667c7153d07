import { plainToInstance } from 'class-transformer';
import {
  IsEmail,
  IsIn,
  IsInt,
  IsOptional,
  IsUrl,
  Matches,
  Max,
  Min,
  MinLength,
  ValidateBy,
  validateSync,
} from 'class-validator';
import { InvalidOptionsError, parseRedisUrl } from '@nestjs-asynq/core';
import { ConfigurationError } from './configuration.error.js';

type Role = 'api' | 'worker' | 'all';

/** The allowed values, for a Redis address that cannot be read. */
function redisAddressProblem(address: string): string | undefined {
  try {
    const { place, masterName } = parseRedisUrl(address);
    return 'sentinels' in place && masterName === undefined ? "a URL with the master's name: …?master=name" : undefined;
  } catch (error) {
    if (error instanceof InvalidOptionsError) return error.problems[0]!.allowed;
    throw error;
  }
}

const IsRedisAddress = (): PropertyDecorator =>
  ValidateBy({
    name: 'isRedisAddress',
    validator: {
      validate: (address: string) => redisAddressProblem(address) === undefined,
      defaultMessage: (validation) => `must be ${redisAddressProblem(validation!.value as string)}`,
    },
  });

/** The environment variables of the app. An empty variable counts as not set. */
export class Environment {
  /** `api` serves HTTP and enqueues, `worker` handles tasks, `all` does both. */
  @IsIn(['api', 'worker', 'all'], { message: 'must be api, worker or all' })
  ROLE: Role = 'all';

  /** Where HTTP listens: `host`, `host:port` or `:port`. `PORT` overrides the port given here. */
  @Matches(/^([^\s:/]+|\[[^\]\s]+\])?(:\d{1,5})?$/, { message: 'must be host, host:port or :port' })
  HTTP_ADDRESS = '127.0.0.1:3000';

  @IsOptional()
  @IsInt({ message: 'must be a port, 0 to 65535' })
  @Min(0, { message: 'must be a port, 0 to 65535' })
  @Max(65535, { message: 'must be a port, 0 to 65535' })
  PORT?: number;

  /** Public URL of this app, the start of the links in mails. Default: where HTTP listens. */
  @IsOptional()
  @IsUrl(
    { protocols: ['http', 'https'], require_protocol: true, require_tld: false },
    { message: 'must be an http or https URL' },
  )
  PUBLIC_URL?: string;

  /**
   * Redis for the queues: `host:port`, or a URL of a server, a cluster or sentinels. Default: a broker in memory, for
   * one process.
   */
  @IsOptional()
  @IsRedisAddress()
  REDIS_ADDRESS?: string;

  /** PostgreSQL for the members. Default: PGlite inside the process. */
  @IsOptional()
  @Matches(/^postgres(ql)?:\/\/\S+$/, { message: 'must be a postgres:// URL' })
  DATABASE_URL?: string;

  /** Data folder of PGlite. Default: memory. */
  @IsOptional()
  PGLITE_DIR?: string;

  /** Mail server. Default: mails are printed. */
  @IsOptional()
  @Matches(/^smtps?:\/\/\S+$/, { message: 'must be an smtp:// or smtps:// URL' })
  SMTP_URL?: string;

  @IsEmail({ allow_display_name: true, require_tld: false }, { message: 'must be an address, with or without a name' })
  MAIL_FROM = 'Members <members@example.com>';

  /** Password of the dashboard at `/monitoring`. Default: none, and only this machine may look. */
  @IsOptional()
  @MinLength(8, { message: 'must have 8 characters or more' })
  DASHBOARD_PASSWORD?: string;

  /** `1` lets those who know the password act in the dashboard. Default: they only look. */
  @IsIn(['0', '1'], { message: 'must be 0 or 1' })
  DASHBOARD_WRITE = '0';

  /** Delay of the mail after the sign-up. */
  @Matches(/^\d+(\.\d+)? ?(ms|s|m|h|d)$/, { message: 'must be a duration such as 500ms, 10s or 5m' })
  VERIFY_EMAIL_DELAY = '10s';
}

const names = new Set(Object.keys(new Environment()));

/** These may contain passwords: their values are never shown. */
const secrets = new Set(['REDIS_ADDRESS', 'DATABASE_URL', 'SMTP_URL', 'DASHBOARD_PASSWORD']);

/**
 * Reads and checks the variables.
 * @throws {ConfigurationError} with one line for each invalid variable, and for each that does not fit the others
 */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const given = Object.entries(variables).filter(([name, value]) => value && names.has(name));
  const environment = plainToInstance(Environment, Object.fromEntries(given));
  if (variables.PORT) environment.PORT = Number(variables.PORT);

  const wrong = validateSync(environment).map(({ property, value, constraints }) => {
    const shown = secrets.has(property) ? '' : ` is ${JSON.stringify(variables[property] ?? value)}: it`;
    return `${property}${shown} ${Object.values(constraints ?? {})[0]}`;
  });
  const problems = [...wrong, ...contradictions(environment)];
  if (problems.length > 0) throw new ConfigurationError(problems);
  return environment;
}

/** Embedded parts exist in one process only, so an app with several processes needs servers. */
function contradictions({ ROLE, REDIS_ADDRESS, DATABASE_URL, ...dashboard }: Environment): string[] {
  const problems: string[] = [];
  if (dashboard.DASHBOARD_WRITE === '1' && !dashboard.DASHBOARD_PASSWORD)
    problems.push('DASHBOARD_WRITE is "1": it needs DASHBOARD_PASSWORD, because tasks could be deleted by anybody');
  if (ROLE !== 'api' && ROLE !== 'worker') return problems;
  if (!REDIS_ADDRESS)
    problems.push(`ROLE is "${ROLE}": it needs REDIS_ADDRESS, because queues in memory are not shared`);
  if (!DATABASE_URL)
    problems.push(`ROLE is "${ROLE}": it needs DATABASE_URL, because the embedded database is not shared`);
  return problems;
}
