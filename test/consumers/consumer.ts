import { expect, it } from 'vitest';

/** A row of the table in docs/guide/install.md. */
export interface Consumer {
  readonly tool: string;
  /** The form of the app's modules. */
  readonly form: 'CommonJS' | 'ES modules';
  readonly nest: 11 | 12;
  readonly node: string;
}

declare module 'vitest' {
  interface TaskMeta {
    consumer?: Consumer;
  }
}

/** The major version of the Node that runs the tests. */
export const THIS_NODE = process.versions.node.split('.')[0]!;

/** A test of one consumer, which becomes a row of the table. */
export function consumer(row: Consumer, test: () => Promise<void>): void {
  const { tool, form, nest, node } = row;
  it.concurrent(`${tool}, ${form}, Nest ${nest}, Node ${node}`, async ({ task }) => {
    task.meta.consumer = row;
    await expect(test()).resolves.toBeUndefined();
  });
}
