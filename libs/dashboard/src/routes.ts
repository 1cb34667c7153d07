import { PAGES, READS, WRITES } from './api/routes.js';

export interface RoutePath {
  readonly method: 'GET' | 'POST';
  /** Below the mount; `:name` stands for a file. */
  readonly path: string;
}

const get = (path: string): RoutePath => ({ method: 'GET', path });
const post = (path: string): RoutePath => ({ method: 'POST', path });

/** Files beside the page, and those in their folder. */
export const FILES = ['assets/:name', 'icon.svg'] as const;

/** Every address of the dashboard. */
export const ALL_ROUTES: readonly RoutePath[] = [
  ...PAGES.map(get),
  ...FILES.map(get),
  ...Object.values(READS).map(get),
  ...Object.values(WRITES).map(post),
];
