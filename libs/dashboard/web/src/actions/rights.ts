import { type ActionName, NEEDED_RIGHT, type Right, type Session } from '../../../src/api/access.js';
import { READS } from '../../../src/api/routes.js';
import { pageConfig } from '../page-config.js';
import { useRead } from '../server/reads.js';

const ORDER: readonly Right[] = ['view', 'operate', 'admin'];

/** Whether the person may do something: on a queue with a right of its own, or on any. */
export type May = (action: ActionName, right?: Right) => boolean;

export interface Rights {
  readonly session: Session | undefined;
  readonly may: May;
  readonly isReadOnly: boolean;
}

/** What the person may do. Until it is known: nothing. */
export function useRights(): Rights {
  const { data: session } = useRead<Session>(READS.session, {}, { repeats: false });
  const isReadOnly = pageConfig.readOnly || session?.readOnly === true;
  const may: May = (action, right = session?.right) =>
    !isReadOnly && right !== undefined && ORDER.indexOf(right) >= ORDER.indexOf(NEEDED_RIGHT[action]);
  return { session, may, isReadOnly };
}
