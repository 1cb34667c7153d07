import { type ReactNode, useState } from 'react';
import type { WRITES } from '../../../src/api/routes.js';
import { Failure } from '../parts/states.js';
import { readAgain } from '../server/reads.js';
import { RequestError, write } from '../server/requests.js';

type WritePath = (typeof WRITES)[keyof typeof WRITES];

export interface Submit {
  /** Writes, reads the page again, then goes on; after a failure it does not. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what the address answers
  readonly submit: <Answer>(path: WritePath, body: object, onDone: (answer: Answer) => void) => Promise<void>;
  readonly isBusy: boolean;
  /** What went wrong, to be shown in the form. */
  readonly failure: ReactNode;
}

/** The one write of a form. */
export function useSubmit(): Submit {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<RequestError>();
  return {
    submit: async (path, body, onDone) => {
      if (isBusy) return;
      setBusy(true);
      setError(undefined);
      try {
        onDone(await write(path, body));
        // After the page that was left has gone: what it showed may not exist any more.
        setTimeout(() => void readAgain());
      } catch (failed) {
        if (!(failed instanceof RequestError)) throw failed;
        setError(failed);
      } finally {
        setBusy(false);
      }
    },
    isBusy,
    failure: error && <Failure error={error} />,
  };
}
