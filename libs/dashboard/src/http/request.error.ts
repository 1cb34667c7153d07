import type { ErrorCode, FieldProblem } from '../api/errors.js';

/** A request that is refused, with the status and the code of its answer. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly code: ErrorCode,
    message: string,
    readonly problems?: readonly FieldProblem[],
  ) {
    super(message);
    this.name = 'RequestError';
  }
}

export function invalid(problems: readonly FieldProblem[]): RequestError {
  const text = problems.map(({ field, allowed }) => `"${field}" must be ${allowed}`).join('; ');
  return new RequestError(400, 'INVALID', text, problems);
}
