import type { Right } from '../api/access.js';
import { RequestError } from '../http/request.error.js';
import { type Access, Viewer } from './viewer.js';

/** A right on all queues, the right and more, or `false` for none. */
export type AccessAnswer = Right | 'none' | false | Access;

/**
 * Decides what a request may do. Called with the request of the framework, after the guards.
 */
export type AccessRule<Request = unknown> = (request: Request) => AccessAnswer | Promise<AccessAnswer>;

/** @throws {RequestError} the app grants this request nothing */
export async function viewerOf(rule: AccessRule | undefined, request: unknown, readOnly: boolean): Promise<Viewer> {
  const answer = rule ? await ask(rule, request) : 'admin';
  const access: Access = typeof answer === 'object' ? answer : { right: answer === false ? 'none' : answer };
  const isKnown = ['view', 'operate', 'admin'].includes(access.right);
  if (!isKnown && !access.queues) throw new RequestError(403, 'FORBIDDEN', 'the app gives you no access');
  return new Viewer(
    { ...access, right: isKnown ? access.right : 'none', who: access.who ?? nameIn(request) },
    readOnly,
  );
}

/** The app may also refuse with an exception of Nest, which knows its status. */
async function ask(rule: AccessRule, request: unknown): Promise<AccessAnswer> {
  try {
    return await rule(request);
  } catch (error) {
    const { getStatus } = error as { getStatus?: unknown };
    const status: unknown = typeof getStatus === 'function' ? getStatus.call(error) : undefined;
    if (status === 401 || status === 403) throw new RequestError(status, 'FORBIDDEN', (error as Error).message);
    throw error;
  }
}

/** Where Passport and most guards put the person. */
function nameIn(request: unknown): string | undefined {
  const user = (request as { user?: unknown } | undefined)?.user;
  if (typeof user === 'string') return user;
  if (typeof user !== 'object' || user === null) return undefined;
  const names = user as Readonly<Record<string, unknown>>;
  for (const field of ['email', 'username', 'name', 'id', 'sub']) {
    const value = names[field];
    if (typeof value === 'string' || typeof value === 'number') return String(value);
  }
  return undefined;
}
