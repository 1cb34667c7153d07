import { chromiumPath } from '../dashboard/browser.js';

/** Runs once before the tests with a browser, and prints one line when they are skipped. */
export default function setup(): void {
  if (chromiumPath === undefined)
    console.warn('Tests with a browser are skipped: there is no Chromium. Install it, or name it by CHROMIUM_BIN.');
}
