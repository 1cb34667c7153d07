import { useSyncExternalStore } from 'react';

/** What a person has chosen in this browser. */
export interface Settings {
  readonly theme: 'system' | 'light' | 'dark';
  readonly language: 'system' | 'en' | 'zh';
  readonly zone: 'local' | 'utc';
  /** `live`: pushed by the server. A number: asked for every so many seconds. `off`: only on request. */
  readonly refresh: 'live' | '5' | '15' | '60' | 'off';
  /** Whether single keys are commands. */
  readonly keys: 'on' | 'off';
  readonly rows: '20' | '50' | '100' | '200';
}

const DEFAULTS: Settings = {
  theme: 'system',
  language: 'system',
  zone: 'local',
  refresh: 'live',
  keys: 'on',
  rows: '50',
};

const STORED_AS = 'asynq:settings';

const listeners = new Set<() => void>();
let current = stored();

/** The settings now, outside of components. */
export const settings = (): Settings => current;

/** Changes settings; the browser keeps them if it may. */
export function changeSettings(change: Partial<Settings>): void {
  current = { ...current, ...change };
  try {
    localStorage.setItem(STORED_AS, JSON.stringify(current));
  } catch {
    // Storage is forbidden or full: they hold until the page is left.
  }
  for (const listener of listeners) listener();
}

export function onSettingsChange(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSettings(): Settings {
  return useSyncExternalStore(onSettingsChange, settings);
}

function stored(): Settings {
  try {
    const found = JSON.parse(localStorage.getItem(STORED_AS) ?? '{}') as Partial<Settings>;
    return { ...DEFAULTS, ...found };
  } catch {
    return DEFAULTS;
  }
}
