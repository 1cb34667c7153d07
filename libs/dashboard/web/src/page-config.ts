import type { PageConfig } from '../../src/api/page-config.js';

/** What the server has written into the page. */
export const pageConfig: PageConfig = readConfig();

function readConfig(): PageConfig {
  const text = document.querySelector('#config')?.textContent ?? '{}';
  const config = JSON.parse(text) as Partial<PageConfig>;
  return {
    version: config.version ?? '',
    connections: config.connections ?? [],
    readOnly: config.readOnly ?? false,
    environment: config.environment,
    redacts: config.redacts ?? false,
    standalone: config.standalone ?? false,
  };
}
