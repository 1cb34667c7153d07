import { OptionReader } from '@nestjs-asynq/core/internal';
import type { EnvironmentBadge } from './api/page-config.js';
import type { AccessRule } from './access/access-rule.js';
import { hostOf } from './http/origin.js';
import type { Formatter } from './redaction/content.js';
import type { TaskLinks } from './reads/task-links.js';

/** Makes text for people out of the bytes of payloads and results. */
export interface Formatters {
  /** `undefined`: shown as it is. */
  readonly payload?: Formatter | undefined;
  readonly result?: Formatter | undefined;
}

/** Options of a dashboard, inside of an app or by itself. All are optional. */
export interface DashboardOptions {
  /** Nobody may change anything. Default `false`. */
  readonly readOnly?: boolean | undefined;
  /**
   * What a request may do: `'public'`, everything and without guards; or a function of the request, called after the
   * guards, that returns `'view'`, `'operate'` or `'admin'`, `false`, or `{ who, right, queues }` with a right for each
   * queue. Default: whoever passes the guards may do everything.
   */
  readonly access?: 'public' | AccessRule<any> | undefined; // oxlint-disable-line typescript/no-explicit-any -- the request of Express or Fastify, as the app types it
  /**
   * Fields to hide in payloads, results, headers and errors: a name at every depth (`'password'`), or a path from the root
   * with `*` for one name (`'*.card'`). Payloads that are no text are hidden as a whole. Default none.
   */
  readonly redact?: readonly string[] | undefined;
  /** How to show payloads and results that are no JSON. Default: text as text, other bytes in hex. */
  readonly formatters?: Formatters | undefined;
  /** Links from a task to pages of the app, or to its trace. Default none. */
  readonly links?: TaskLinks | undefined;
  /** Name of the environment for the badge, or name and color. Default: `NODE_ENV`. */
  readonly environment?: string | EnvironmentBadge | undefined;
  /**
   * Addresses under which browsers reach the dashboard, such as `https://ops.example.com`: needed where a proxy changes
   * `Host`, and under a host name without guards.
   */
  readonly publicUrl?: string | readonly string[] | undefined;
}

/** Checked options. */
export interface DashboardSettings {
  readonly readOnly: boolean;
  readonly isPublic: boolean;
  readonly accessRule: AccessRule | undefined;
  readonly redact: readonly string[];
  readonly formatters: Formatters;
  readonly links: TaskLinks | undefined;
  readonly environment: EnvironmentBadge | undefined;
  readonly publicHosts: readonly string[];
}

export const OPTION_NAMES = [
  'readOnly',
  'access',
  'redact',
  'formatters',
  'links',
  'environment',
  'publicUrl',
] as const satisfies readonly (keyof DashboardOptions)[];

const COLORS: readonly EnvironmentBadge['color'][] = ['gray', 'blue', 'green', 'amber', 'red', 'violet'];

/**
 * @param others names of options that are read elsewhere
 * @throws {InvalidOptionsError} an option is wrong; all of them at once
 */
export function readOptions(given: DashboardOptions, others: readonly string[] = []): DashboardSettings {
  const reader = new OptionReader(given);
  reader.onlyKnown([...OPTION_NAMES, ...others]);
  const { access } = given;
  if (access !== undefined && access !== 'public') reader.callable('access', undefined);
  reader.callable('links', undefined);
  const settings: DashboardSettings = {
    readOnly: reader.boolean('readOnly', false),
    isPublic: access === 'public',
    accessRule: typeof access === 'function' ? access : undefined,
    redact: readRedact(given, reader),
    formatters: readFormatters(given, reader),
    links: given.links,
    environment: readEnvironment(given, reader),
    publicHosts: readPublicUrl(given, reader),
  };
  reader.throwIfWrong();
  return settings;
}

function readRedact({ redact = [] }: DashboardOptions, reader: OptionReader): readonly string[] {
  const isFine =
    Array.isArray(redact) && redact.every((name) => typeof name === 'string' && /^[^.]+(\.[^.]+)*$/.test(name));
  if (!isFine) reader.refuse('redact', 'names of fields, such as "password" or "*.card"');
  return isFine ? redact : [];
}

function readFormatters({ formatters = {} }: DashboardOptions, reader: OptionReader): Formatters {
  const inner = new OptionReader(formatters, 'formatters.');
  inner.onlyKnown(['payload', 'result']);
  inner.callable('payload', undefined);
  inner.callable('result', undefined);
  reader.add(...inner.problems);
  return formatters;
}

function readEnvironment({ environment }: DashboardOptions, reader: OptionReader): EnvironmentBadge | undefined {
  if (environment === undefined) {
    const name = process.env['NODE_ENV'];
    return name ? { name, color: colorOf(name) } : undefined;
  }
  if (typeof environment === 'string') {
    if (environment.trim() === '') reader.refuse('environment', 'a name');
    return { name: environment, color: colorOf(environment) };
  }
  const inner = new OptionReader(environment, 'environment.');
  inner.onlyKnown(['name', 'color']);
  const name = inner.text('name', undefined);
  if (name === undefined) inner.refuse('name', 'a name');
  const color = inner.oneOf('color', COLORS) ?? 'gray';
  reader.add(...inner.problems);
  return { name: name ?? '', color };
}

const colorOf = (name: string): EnvironmentBadge['color'] => {
  if (/^(prod|live)/i.test(name)) return 'red';
  return /^(stag|pre|uat)/i.test(name) ? 'amber' : 'green';
};

function readPublicUrl({ publicUrl = [] }: DashboardOptions, reader: OptionReader): readonly string[] {
  const urls = typeof publicUrl === 'string' ? [publicUrl] : publicUrl;
  const hosts = Array.isArray(urls)
    ? urls.map((url: unknown) => (typeof url === 'string' && /^https?:/i.test(url) ? hostOf(url) : undefined))
    : [undefined];
  if (hosts.includes(undefined)) reader.refuse('publicUrl', 'http or https addresses');
  return hosts.filter((host) => host !== undefined);
}
