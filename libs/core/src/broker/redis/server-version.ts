import { UnsupportedRedisError } from '../../errors/unsupported-redis.error.js';

/** The oldest versions that have every command and reply of ours. */
const REDIS: Version = [6, 2];
const VALKEY: Version = [7, 2];

type Version = readonly [major: number, minor: number];

/**
 * Checks the kind and the version of a server by its reply to `INFO`. Servers that do not report a version pass:
 * missing features show when they are used.
 * @throws {UnsupportedRedisError} it is too old
 */
export function checkVersion(info: string): void {
  const valkey = versionIn(info, 'valkey_version');
  const redis = versionIn(info, 'redis_version');
  if (valkey !== undefined) return refuseBelow('Valkey', valkey, VALKEY);
  if (redis !== undefined) refuseBelow('Redis', redis, REDIS);
}

function refuseBelow(product: string, version: string, oldest: Version): void {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (!(major < oldest[0] || (major === oldest[0] && minor < oldest[1]))) return;
  throw new UnsupportedRedisError(product, version);
}

/** `7.0.15`; `undefined` when the server does not report a valid version. */
function versionIn(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(\\d+(?:\\.\\d+)*)`, 'm').exec(info)?.[1];
}
