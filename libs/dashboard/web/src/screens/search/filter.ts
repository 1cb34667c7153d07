import type { TaskState } from '../../../../src/api/queues.js';
import type { SearchFilter } from '../../../../src/api/search.js';
import { STATES } from '../../parts/state-marks.js';
import type { Params } from '../../routing/search-params.js';

/** The filter that an address says. */
export function filterOf(params: URLSearchParams): SearchFilter {
  const one = (name: string): string | undefined => params.get(name)?.trim() || undefined;
  const many = (name: string): string[] | undefined => {
    const found = params.getAll(name).filter((value) => value !== '');
    return found.length > 0 ? found : undefined;
  };
  const time = (name: string): number | undefined => {
    const value = Number(params.get(name) ?? Number.NaN);
    return Number.isFinite(value) && value > 0 ? value : undefined;
  };
  const state = many('state')?.filter((name): name is TaskState => (STATES as readonly string[]).includes(name));
  return {
    queue: many('queue'),
    state: state && state.length > 0 ? state : undefined,
    group: one('group'),
    type: one('type'),
    id: one('id'),
    payload: one('payload'),
    error: one('error'),
    header: many('header'),
    fromMs: time('fromMs'),
    toMs: time('toMs'),
    text: one('text'),
  };
}

/** The parameters of an address for a filter. */
export function paramsOf(filter: SearchFilter): Params {
  return { ...filter };
}

/** Whether a filter has any condition. */
export function isEmptyFilter(filter: SearchFilter): boolean {
  return Object.values(filter).every((value) => value === undefined);
}
