import { isRecord } from '../runtime/is-record.js';

/** Fields of an event that hold a time: written as `atMs` and `nextProcessAtMs`, unix ms. */
const TIMES = ['at', 'nextProcessAt'] as const;

/** An event as it is stored: its fields by name, times as unix ms. */
type EventFields = Readonly<Record<string, unknown>>;

/** The JSON of an event. Fields that are `undefined` are left out. */
export function encodeEvent(fields: object): string {
  const record = { ...fields } as Record<string, unknown>;
  for (const name of TIMES) {
    const time = record[name];
    if (!(time instanceof Date)) continue;
    delete record[name];
    record[`${name}Ms`] = time.getTime();
  }
  return JSON.stringify(record);
}

/** `undefined`: another program has written it, or a later version without a kind. */
export function decodeEvent(text: string): (EventFields & { readonly kind: string; readonly at: Date }) | undefined {
  let record: unknown;
  try {
    record = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(record) || typeof record['kind'] !== 'string' || typeof record['atMs'] !== 'number') return undefined;
  const fields: Record<string, unknown> = { ...record };
  for (const name of TIMES) {
    const ms = fields[`${name}Ms`];
    delete fields[`${name}Ms`];
    if (typeof ms === 'number') fields[name] = new Date(ms);
  }
  return fields as EventFields & { readonly kind: string; readonly at: Date };
}
