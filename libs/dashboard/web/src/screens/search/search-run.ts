import { useCallback, useEffect, useRef, useState } from 'react';
import { READS } from '../../../../src/api/routes.js';
import type { SearchFilter, SearchPiece } from '../../../../src/api/search.js';
import type { TaskRow } from '../../../../src/api/tasks.js';
import { read, RequestError } from '../../server/requests.js';
import { keyOfTask } from '../../tasks/selection.js';
import { paramsOf } from './filter.js';

/** Found tasks after which a search waits for the person to ask for more, once it knows that there are. */
const ENOUGH = 200;

export interface SearchRun {
  readonly status: 'running' | 'enough' | 'stopped' | 'complete' | 'failed';
  readonly tasks: readonly TaskRow[];
  readonly scanned: number;
  readonly total: number;
  readonly at: SearchPiece['at'];
  readonly error: RequestError | undefined;
}

const BEGIN: SearchRun = { status: 'running', tasks: [], scanned: 0, total: 0, at: undefined, error: undefined };

/** A search, piece by piece: it can be stopped at any time, and goes on where it stopped. */
export function useSearchRun(filter: SearchFilter): SearchRun & {
  readonly stop: () => void;
  readonly goOn: () => void;
  readonly again: () => void;
} {
  const [run, setRun] = useState(BEGIN);
  const work = useRef<AbortController>(undefined);
  const cursor = useRef<string>(undefined);
  /** Found, but not shown until the person asks for more. */
  const held = useRef<readonly TaskRow[]>([]);

  const start = useCallback(
    async (fromBegin: boolean): Promise<void> => {
      work.current?.abort();
      const controller = new AbortController();
      work.current = controller;
      if (fromBegin) {
        cursor.current = undefined;
        held.current = [];
      }
      const begin = held.current;
      held.current = [];
      setRun((before) =>
        fromBegin ? BEGIN : { ...before, status: 'running', tasks: join(before.tasks, begin), error: undefined },
      );
      let foundHere = begin.length;
      try {
        for (;;) {
          const query = { ...paramsOf(filter), limit: 100, cursor: cursor.current };
          const piece = await read<SearchPiece>(READS.search, query, controller.signal);
          if (controller.signal.aborted) return;
          cursor.current = piece.cursor;
          const room = Math.max(0, ENOUGH - foundHere);
          foundHere += piece.tasks.length;
          const status = piece.cursor === undefined ? 'complete' : foundHere > ENOUGH ? 'enough' : 'running';
          const found = status === 'enough' ? piece.tasks.slice(0, room) : piece.tasks;
          held.current = piece.tasks.slice(found.length);
          setRun((before) => ({
            status,
            tasks: join(before.tasks, found),
            scanned: piece.scannedTotal,
            total: piece.total,
            at: piece.at,
            error: undefined,
          }));
          if (status !== 'running') return;
        }
      } catch (error) {
        if (controller.signal.aborted) return;
        if (!(error instanceof RequestError)) throw error;
        setRun((before) => ({ ...before, status: 'failed', error }));
      }
    },
    [filter],
  );

  useEffect(() => {
    void start(true);
    return () => work.current?.abort();
  }, [start]);

  return {
    ...run,
    stop: () => {
      work.current?.abort();
      setRun((before) => ({ ...before, status: 'stopped' }));
    },
    goOn: () => void start(false),
    again: () => void start(true),
  };
}

/** A task that moves while it is searched may be found twice. */
function join(before: readonly TaskRow[], found: readonly TaskRow[]): readonly TaskRow[] {
  if (found.length === 0) return before;
  const known = new Set(before.map(keyOfTask));
  return [...before, ...found.filter((task) => !known.has(keyOfTask(task)))];
}
