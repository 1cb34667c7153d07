import { UsageError } from '../usage.error.js';

/** Sources of a setting, the strongest first. */
export const SOURCES = ['flag', 'variable', 'file'] as const;
export type Source = (typeof SOURCES)[number];

/** A setting, and where it was found. */
export interface FoundSetting {
  readonly value: string | number | boolean;
  readonly source: Source;
  /** For errors: `--db`, `ASYNQ_DB`. */
  readonly shown: string;
}

type FoundSettings = Readonly<Partial<Record<string, FoundSetting>>>;

/** Each of them says where Redis is. */
const PLACES = ['uri', 'cluster_addrs', 'sentinel_addrs'] as const;
const OF_SENTINELS = ['master_name', 'sentinel_username', 'sentinel_password'] as const;

/**
 * The settings that hold together: one place, and what belongs to it. Settings from a weaker source than the place that do
 * not fit it are left out, those from the same or a stronger one are refused: the connection must never lead elsewhere than
 * was said.
 * @throws {UsageError} two settings contradict each other, or one lacks what it needs
 */
export function settingsThatFit(found: FoundSettings): FoundSettings {
  const place = placeOf(found);
  const fit = withoutOtherPlaces(found, place);
  const uri = String(fit['uri']?.value ?? '');
  const isCluster = clusterOf(fit, place, uri);
  const isSentinel = place === 'sentinel_addrs' || /^rediss?-sentinel:/i.test(uri);
  const usesTls = fit['tls']?.value === true || fit['tls_server'] !== undefined || /^rediss/i.test(uri);
  const settled: Record<string, FoundSetting> = { ...fit } as Record<string, FoundSetting>;
  const drop = (name: string, needs: string): void => {
    const setting = settled[name];
    if (!setting) return;
    if (place === undefined || rankOf(setting) <= rankOf(fit[place]!))
      throw new UsageError(`${setting.shown} ${needs}`);
    delete settled[name];
  };
  if (!isSentinel) {
    for (const name of OF_SENTINELS) drop(name, 'needs sentinels: --sentinel_addrs, or a redis-sentinel:// URI');
  }
  if (isCluster && fit['db'] && fit['db'].value !== 0)
    drop('db', `is ${fit['db'].value}: a cluster has only database 0`);
  if (!usesTls && fit['insecure']?.value === true) drop('insecure', 'needs TLS: --tls, or a rediss:// URI');
  if (isCluster) settled['cluster'] = { value: true, source: 'flag', shown: '--cluster' };
  else delete settled['cluster'];
  return settled;
}

const rankOf = ({ source }: FoundSetting): number => SOURCES.indexOf(source);

type Place = (typeof PLACES)[number];

/** The one from the strongest source; `undefined`: the default. */
function placeOf(found: FoundSettings): Place | undefined {
  const given = PLACES.filter((name) => found[name]);
  const strongest = Math.min(...given.map((name) => rankOf(found[name]!)));
  const [place, ...others] = given.filter((name) => rankOf(found[name]!) === strongest);
  if (others.length === 0 || place === undefined) return place;
  // The environment and the file of asynq's command may hold both: its switch chooses.
  const isChosen = found['cluster'] !== undefined && found[place]!.source !== 'flag' && others[0] === 'cluster_addrs';
  if (isChosen && others.length === 1) return found['cluster']!.value === true ? 'cluster_addrs' : place;
  const shown = [place, ...others].map((name) => found[name]!.shown).join(' and ');
  throw new UsageError(`${shown} name different places: give one of them`);
}

function withoutOtherPlaces(found: FoundSettings, place: Place | undefined): FoundSettings {
  const others = PLACES.filter((name) => name !== place);
  return Object.fromEntries(Object.entries(found).filter(([name]) => !others.includes(name as Place)));
}

/** Whether the place is a cluster: nodes of one imply it, and a URI is one of its nodes if `cluster` says so. */
function clusterOf(fit: FoundSettings, place: Place | undefined, uri: string): boolean {
  const cluster = fit['cluster'];
  const isWeaker = cluster && place && rankOf(cluster) > rankOf(fit[place]!);
  const said = isWeaker ? undefined : (cluster?.value as boolean | undefined);
  const isClusterUri = /^rediss?-cluster:/i.test(uri);
  if (said === false && (place === 'cluster_addrs' || isClusterUri)) {
    throw new UsageError(`${cluster!.shown} is false, but ${fit[place!]!.shown} is a cluster`);
  }
  const isOther = place === 'sentinel_addrs' || /^redis(s?-sentinel|-socket):/i.test(uri);
  if (said === true && isOther) throw new UsageError(`${cluster!.shown} does not fit ${fit[place!]!.shown}`);
  return said ?? (place === 'cluster_addrs' || isClusterUri);
}
