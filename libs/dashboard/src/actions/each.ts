import { QueueError } from '@nestjs-asynq/core';
import type { Refusal } from '../api/errors.js';
import { toRequestError } from '../http/error-answer.js';
import type { WriteContext } from './write.js';

/** Items that are acted on at the same time. */
const AT_ONCE = 16;

/**
 * Acts on items. Each has its own result: one that fails does not stop the others. Begins no further one when the client is
 * gone.
 * @returns those that failed
 */
export async function actOnEach<Item>(
  { board, signal }: WriteContext,
  items: readonly Item[],
  act: (item: Item) => Promise<void>,
): Promise<(Refusal & { readonly item: Item })[]> {
  const failed: (Refusal & { readonly item: Item })[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length && !signal.aborted) {
      const item = items[next++]!;
      try {
        await act(item);
      } catch (error) {
        const isOfCore = error instanceof QueueError && error.code !== 'INVALID_OPTIONS';
        const { code, message } = isOfCore ? error : toRequestError(error, board.logger);
        failed.push({ item, code, message });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  return failed;
}
