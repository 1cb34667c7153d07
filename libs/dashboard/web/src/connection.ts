import { useSyncExternalStore } from 'react';
import { pageConfig } from './page-config.js';

const listeners = new Set<() => void>();
const STORED_AS = 'asynq:connection';

let chosen = stored();

/** The connection of the app that is looked at; `undefined` when there is only one. */
export function connection(): string | undefined {
  return pageConfig.connections.length > 1 ? chosen : undefined;
}

export function chooseConnection(name: string): void {
  chosen = name;
  try {
    sessionStorage.setItem(STORED_AS, name);
  } catch {
    // Without storage the choice holds until the page is left.
  }
  for (const listener of listeners) listener();
}

export function useConnection(): string | undefined {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, connection);
}

function stored(): string | undefined {
  let name: string | null = new URLSearchParams(location.search).get('connection');
  try {
    name ??= sessionStorage.getItem(STORED_AS);
  } catch {
    // As if none was chosen.
  }
  return pageConfig.connections.find((known) => known === name) ?? pageConfig.connections[0];
}
