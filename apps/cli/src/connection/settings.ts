import { UsageError } from '../usage.error.js';
import { type FoundSetting, settingsThatFit, type Source } from './precedence.js';

interface SettingKinds {
  readonly text: string;
  readonly number: number;
  readonly switch: boolean;
}

interface Setting {
  readonly kind: keyof SettingKinds;
  readonly alias?: string;
  readonly describe: string;
  /** Shown in the help; the default itself is applied when the connection is made. */
  readonly defaultText?: string;
  /** A name that systems set to something else: read from the environment as `ASYNQ_…` only. */
  readonly isTakenInEnv?: true;
}

/** The connection settings: names and aliases of asynq's command line, and additional ones for Sentinel. */
export const SETTINGS = {
  uri: {
    kind: 'text',
    alias: 'u',
    describe: 'Redis: host:port, or redis://, rediss://, redis-socket://, redis-sentinel://, redis-cluster://',
    defaultText: '127.0.0.1:6379',
  },
  db: { kind: 'number', alias: 'n', describe: 'Redis database number', defaultText: '0' },
  username: { kind: 'text', alias: 'U', describe: 'Redis user', isTakenInEnv: true },
  password: { kind: 'text', alias: 'p', describe: 'Redis password' },
  cluster: { kind: 'switch', describe: 'Connect to a Redis Cluster' },
  cluster_addrs: {
    kind: 'text',
    describe: 'Some nodes of the cluster, comma-separated',
    defaultText: '127.0.0.1:7000 to 7005',
  },
  sentinel_addrs: { kind: 'text', describe: 'Sentinels, comma-separated; needs --master_name' },
  master_name: { kind: 'text', describe: 'Name of the master that the sentinels watch' },
  sentinel_username: { kind: 'text', describe: 'User of the sentinels themselves' },
  sentinel_password: { kind: 'text', describe: 'Password of the sentinels themselves' },
  tls: { kind: 'switch', describe: 'Connect with TLS' },
  tls_server: { kind: 'text', describe: 'Server name for TLS validation; turns TLS on' },
  insecure: { kind: 'switch', describe: 'Accept any TLS certificate' },
} as const satisfies Record<string, Setting>;

type SettingName = keyof typeof SETTINGS;

/** The given settings; the others are `undefined`. */
export type Settings = { readonly [Name in SettingName]?: SettingKinds[(typeof SETTINGS)[Name]['kind']] | undefined };

type Given = Readonly<Record<string, unknown>>;

/**
 * Reads each setting from the first source that has it: the flag, `ASYNQ_<NAME>`, `<NAME>` (asynq's own variables), the
 * file. Returns those that hold together, see `settingsThatFit`.
 * @throws {UsageError} a value cannot be read, two contradict each other, or the file has an unknown name
 */
export function readSettings(flags: Given, env: NodeJS.ProcessEnv, file: Given): Settings {
  const found = Object.entries<Setting>(SETTINGS).flatMap(([name, setting]): [string, FoundSetting][] => {
    const variable = name.toUpperCase();
    const sources: readonly [source: Source, shown: string, value: unknown][] = [
      ['flag', `--${name}`, flags[name]],
      ['variable', `ASYNQ_${variable}`, env[`ASYNQ_${variable}`]],
      ['variable', variable, setting.isTakenInEnv ? undefined : env[variable]],
      ['file', `"${name}" in the config file`, file[name]],
    ];
    const given = sources.find(([, , value]) => value !== undefined && value !== null && value !== '');
    if (!given) return [];
    const [source, shown, value] = given;
    return [[name, { value: readValue(setting.kind, shown, value), source, shown }]];
  });
  const fit = settingsThatFit(Object.fromEntries(found));
  return Object.fromEntries(Object.entries(fit).map(([name, setting]) => [name, setting!.value])) as Settings;
}

function readValue(kind: Setting['kind'], source: string, value: unknown): string | number | boolean {
  const text = String(value);
  if (kind === 'text') return text;
  if (kind === 'number') {
    if (/^\d{1,9}$/.test(text)) return Number(text);
    throw new UsageError(`${source} is "${text}": a whole number expected`);
  }
  if (/^(true|t|1)$/i.test(text)) return true;
  if (/^(false|f|0)$/i.test(text)) return false;
  throw new UsageError(`${source} is "${text}": true or false expected`);
}
