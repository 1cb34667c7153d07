import { installLauncher } from './redis-launcher.js';

/** Runs once before the projects that need Redis: finds or fetches a server, and tells the test processes which. */
export default function setup(): void {
  try {
    Object.assign(process.env, installLauncher().env);
  } catch (error) {
    // One line instead of a stack: nothing is wrong with the tests.
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
