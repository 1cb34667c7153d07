import { keepPreviousData, QueryClient, useQuery, type UseQueryResult } from '@tanstack/react-query';
import type { READS } from '../../../src/api/routes.js';
import { useConnection } from '../connection.js';
import { useSettings } from '../settings.js';
import type { Params } from '../routing/search-params.js';
import { read, type RequestError } from './requests.js';
import { noteServerTime } from './server-clock.js';

type ReadPath = (typeof READS)[keyof typeof READS];

const LIVE_MS = 5_000;

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (count, error) => count < 2 && 'isPassing' in error && (error as RequestError).isPassing,
      staleTime: 1_000,
      networkMode: 'always',
      // A failed reading goes on being tried at its interval, so the page heals by itself.
      refetchOnWindowFocus: true,
    },
  },
});

export interface ReadOptions {
  /** `false`: read once, and again on request. */
  readonly repeats?: boolean;
  readonly isEnabled?: boolean;
  /** Show the answer to the query before until the next one is there, such as the page before. */
  readonly keepsPrevious?: boolean;
}

/** An answer of the server, read again as often as the person has chosen. */
export function useRead<Answer>(
  path: ReadPath,
  query: Params = {},
  { repeats = true, isEnabled = true, keepsPrevious = false }: ReadOptions = {},
): UseQueryResult<Answer, RequestError> {
  const of = useConnection();
  const intervalMs = useRefreshMs();
  return useQuery<Answer, RequestError>({
    queryKey: [path, of, query],
    queryFn: async ({ signal }) => {
      const answer = await read<Answer>(path, query, signal);
      noteServerTime((answer as { nowMs?: number }).nowMs);
      return answer;
    },
    enabled: isEnabled,
    refetchInterval: repeats && intervalMs,
    ...(keepsPrevious && { placeholderData: keepPreviousData }),
  });
}

/** How often to read what is not pushed; `false`: only on request. */
function useRefreshMs(): number | false {
  const { refresh } = useSettings();
  if (refresh === 'off') return false;
  return refresh === 'live' ? LIVE_MS : Number(refresh) * 1_000;
}

/** Reads everything on the screen again, after an action. */
export function readAgain(): Promise<void> {
  return queryClient.invalidateQueries();
}
