import type { ServerInfo } from '@nestjs-asynq/core';
import { goDuration } from '../output/go-duration.js';
import type { Finding } from './finding.js';

/** A server of Redis, and what it reports. */
export interface RedisNode {
  readonly address: string;
  readonly info: Readonly<Record<string, string>>;
  readonly error: unknown;
}

const APART_MS = 2_000;
const NEARLY_FULL = 0.9;
/** Scripts take some ten microseconds; while one runs, Redis serves nobody else. */
const SLOW_SCRIPT_US = 2_000;
const FEW_CALLS = 100;

/** What is wrong with a server of Redis. */
export function redisFindings({ address, info, error }: RedisNode, nowMs: number): Finding[] {
  if (error !== undefined) {
    return [
      {
        severity: 'high',
        code: 'redisSilent',
        problem: `Redis at ${address} does not report: ${error instanceof Error ? error.message : 'no reason is known'}.`,
        advice: 'Check the server; the queues on it stand still.',
      },
    ];
  }
  const checks = [evicting, full, apart, slow, detached];
  return checks.flatMap((check) => check(address, info, nowMs) ?? []);
}

type Info = RedisNode['info'];

function evicting(address: string, info: Info): Finding | undefined {
  const policy = info['maxmemory_policy'] ?? 'noeviction';
  const evicted = Number(info['evicted_keys'] ?? 0);
  if (policy === 'noeviction') return undefined;
  const isOn = Number(info['maxmemory'] ?? 0) > 0;
  if (evicted === 0 && !isOn) return undefined;
  return {
    severity: evicted > 0 ? 'high' : 'medium',
    code: 'evicting',
    problem:
      evicted > 0
        ? `Redis at ${address} has evicted ${evicted} keys (maxmemory-policy ${policy}): tasks are lost.`
        : `Redis at ${address} may evict keys (maxmemory-policy ${policy}): tasks would be lost.`,
    advice: 'Set maxmemory-policy to noeviction, and give Redis more memory.',
  };
}

function full(address: string, info: Info): Finding | undefined {
  const most = Number(info['maxmemory'] ?? 0);
  const share = Number(info['used_memory'] ?? 0) / most;
  if (most === 0 || share < NEARLY_FULL) return undefined;
  return {
    severity: 'high',
    code: 'redisFull',
    problem: `Redis at ${address} uses ${Math.round(100 * share)} % of its maxmemory: soon no task can be enqueued.`,
    advice: 'Give it more memory, or delete what is not needed: asynq task deleteall -q QUEUE -s completed.',
  };
}

function apart(address: string, info: Info, nowMs: number): Finding | undefined {
  const atUs = Number(info['server_time_usec'] ?? Number.NaN);
  const byMs = atUs / 1_000 - nowMs;
  if (Number.isNaN(byMs) || Math.abs(byMs) < APART_MS) return undefined;
  return {
    severity: 'medium',
    code: 'clockApart',
    problem: `The clock of Redis at ${address} is ${goDuration(Math.abs(byMs))} ${byMs > 0 ? 'ahead of' : 'behind'} this machine's.`,
    advice: 'Synchronize both (NTP): Go workers start tasks by their own clocks.',
  };
}

function slow(address: string, info: Info): Finding | undefined {
  const stats = ['cmdstat_evalsha', 'cmdstat_eval'].map((name) => info[name] ?? '');
  const calls = stats.reduce((sum, text) => sum + figureOf(text, 'calls'), 0);
  const us = stats.reduce((sum, text) => sum + figureOf(text, 'usec'), 0);
  if (calls < FEW_CALLS || us / calls < SLOW_SCRIPT_US) return undefined;
  return {
    severity: 'medium',
    code: 'slowScripts',
    problem: `Scripts take Redis at ${address} ${(us / calls / 1_000).toFixed(1)} ms each, during which it serves nobody else.`,
    advice: 'See which: redis-cli SLOWLOG GET; large payloads and a busy or swapping machine are usual causes.',
  };
}

const figureOf = (stat: string, name: string): number =>
  Number(new RegExp(`(?:^|,)${name}=(\\d+)`).exec(stat)?.[1] ?? 0);

function detached(address: string, info: Info): Finding | undefined {
  if (info['role'] !== 'slave' || info['master_link_status'] === 'up') return undefined;
  return {
    severity: 'medium',
    code: 'replicaDetached',
    problem: `The replica ${address} has lost its master.`,
    advice: 'Until it is back, a failover to it would lose tasks.',
  };
}

/** What is wrong with the servers of all queues. */
export function fleetFindings(servers: readonly ServerInfo[], nowMs: number): Finding[] {
  return servers.flatMap(({ host, pid, startedAt, workers }) => {
    const latest = Math.max(startedAt.getTime(), ...workers.map((worker) => worker.startedAt.getTime()));
    if (latest - nowMs < APART_MS) return [];
    return [
      {
        severity: 'medium' as const,
        code: 'clockApart',
        problem: `The clock of server ${host}:${pid} is ${goDuration(latest - nowMs)} ahead of this machine's.`,
        advice: 'Synchronize both (NTP).',
      },
    ];
  });
}
