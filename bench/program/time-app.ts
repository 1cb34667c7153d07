import type { AppTimes } from './protocol.js';

/** The steps of an app's life. */
interface AppLife<App> {
  readonly create: () => Promise<App>;
  readonly enqueue: (app: App) => Promise<unknown>;
  /** Resolves in the handler of the task. */
  readonly handled: Promise<void>;
}

/** Runs the steps, and closes the app when its task has been handled. */
export async function timeApp<App extends { close(): Promise<unknown> }>(life: AppLife<App>): Promise<AppTimes> {
  const startedAtMs = performance.now();
  const app = await life.create();
  const createdAtMs = performance.now();
  await life.enqueue(app);
  const enqueuedAtMs = performance.now();
  await life.handled;
  const handledAtMs = performance.now();
  await app.close();
  return {
    createMs: createdAtMs - startedAtMs,
    enqueueMs: enqueuedAtMs - createdAtMs,
    closeMs: performance.now() - handledAtMs,
  };
}
