import { plainToInstance } from 'class-transformer';
import { IsEmail, IsIn, IsInt, IsOptional, IsUrl, Matches, Max, Min, validateSync } from 'class-validator';
import { ConfigurationError } from './configuration.error.js';

export type Role = 'api' | 'worker' | 'all';

/** The environment variables that the app reads. A variable that is empty counts as not set. */
export class Environment {
  /** `api` serves HTTP and enqueues, `worker` handles tasks, `all` does both. */
  @IsIn(['api', 'worker', 'all'], { message: 'must be api, worker or all' })
  ROLE: Role = 'all';

  /** Where HTTP listens: `host`, `host:port` or `:port`. `PORT` wins over the port given here. */
  @Matches(/^([^\s:/]+|\[[^\]\s]+\])?(:\d{1,5})?$/, { message: 'must be host, host:port or :port' })
  HTTP_ADDRESS = '127.0.0.1:3000';

  @IsOptional()
  @IsInt({ message: 'must be a port, 0 to 65535' })
  @Min(0, { message: 'must be a port, 0 to 65535' })
  @Max(65535, { message: 'must be a port, 0 to 65535' })
  PORT?: number;

  /** How members reach this app: the start of the links in mails. Default: where HTTP listens. */
  @IsOptional()
  @IsUrl(
    { protocols: ['http', 'https'], require_protocol: true, require_tld: false },
    { message: 'must be an http or https URL' },
  )
  PUBLIC_URL?: string;

  /** Redis of the queues. Default: a broker in memory, for one process. */
  @IsOptional()
  @Matches(/^(rediss?:\/\/\S+|([^\s:/]+|\[[^\]\s]+\]):\d{1,5})$/, { message: 'must be host:port or a redis:// URL' })
  REDIS_ADDRESS?: string;

  /** PostgreSQL of the members. Default: PGlite inside the process. */
  @IsOptional()
  @Matches(/^postgres(ql)?:\/\/\S+$/, { message: 'must be a postgres:// URL' })
  DATABASE_URL?: string;

  /** Folder that PGlite keeps its data in. Default: memory. */
  @IsOptional()
  PGLITE_DIR?: string;

  /** Mail server. Default: mails are printed. */
  @IsOptional()
  @Matches(/^smtps?:\/\/\S+$/, { message: 'must be an smtp:// or smtps:// URL' })
  SMTP_URL?: string;

  @IsEmail({ allow_display_name: true, require_tld: false }, { message: 'must be an address, with or without a name' })
  MAIL_FROM = 'Members <members@example.com>';

  /** How long after the sign-up the mail goes out. */
  @Matches(/^\d+(\.\d+)? ?(ms|s|m|h|d)$/, { message: 'must be a duration such as 500ms, 10s or 5m' })
  VERIFY_EMAIL_DELAY = '10s';
}

const names = new Set(Object.keys(new Environment()));

/** These may hold passwords: their values are never shown. */
const secrets = new Set(['REDIS_ADDRESS', 'DATABASE_URL', 'SMTP_URL']);

/**
 * Reads and checks the variables.
 * @throws {ConfigurationError} with one line for each variable that is wrong, and for each that does not fit the others
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

/** What is embedded lives in one process, so an app that is spread over several needs servers. */
function contradictions({ ROLE, REDIS_ADDRESS, DATABASE_URL }: Environment): string[] {
  if (ROLE !== 'api' && ROLE !== 'worker') return [];
  const problems: string[] = [];
  if (!REDIS_ADDRESS)
    problems.push(`ROLE is "${ROLE}": it needs REDIS_ADDRESS, because queues in memory are not shared`);
  if (!DATABASE_URL)
    problems.push(`ROLE is "${ROLE}": it needs DATABASE_URL, because the embedded database is not shared`);
  return problems;
}
