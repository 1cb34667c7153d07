import { useMemo, useSyncExternalStore } from 'react';
import { PAGES, type Page } from '../../../src/api/routes.js';
import { type Params, toSearch } from './search-params.js';

/**
 * Where the dashboard is mounted, as the browser sees it. Read once: `<base>` is relative to the address of the page.
 */
export const mount = new URL('.', document.baseURI);

/** A page of the dashboard and its parameters; `undefined`: there is no such page. */
export interface Place {
  readonly page: Page | undefined;
  readonly params: URLSearchParams;
}

export function hrefOf(page: Page, params: Params = {}): string {
  const search = toSearch(params);
  return mount.pathname + page + (search && `?${search}`);
}

const listeners = new Set<() => void>();

/** Goes to a page; `replace` leaves no entry in the history. */
export function go(href: string, { replace = false }: { readonly replace?: boolean } = {}): void {
  if (replace) history.replaceState(null, '', href);
  else history.pushState(null, '', href);
  if (!replace) window.scrollTo(0, 0);
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('popstate', listener);
  };
}

export function usePlace(): Place {
  const address = useSyncExternalStore(subscribe, () => location.pathname + location.search);
  return useMemo(() => placeOf(address), [address]);
}

function placeOf(address: string): Place {
  const [path = '', search = ''] = address.split('?', 2);
  const name = path.startsWith(mount.pathname) ? path.slice(mount.pathname.length) : undefined;
  return { page: PAGES.find((page) => page === name), params: new URLSearchParams(search) };
}
