/** The id of an event: `<unix ms>-<number>`; the number may be missing, which is 0. */
const EVENT_ID = /^\d{1,15}(?:-\d{1,15})?$/;

export const isEventId = (value: unknown): value is string => typeof value === 'string' && EVENT_ID.test(value);

/** Below 0: `a` is older; 0: they are the same; above 0: `a` is newer. */
export function compareEventIds(a: string, b: string): number {
  const [aMs = 0, aNumber = 0] = a.split('-').map(Number);
  const [bMs = 0, bNumber = 0] = b.split('-').map(Number);
  return aMs === bMs ? aNumber - bNumber : aMs - bMs;
}
