/**
 * Why a request failed. Answers of the app itself (401 of a guard, 413 of its body parser, 502 of a proxy) have
 * another body: rely on the status when `error.code` is missing.
 */
export type ErrorCode =
  /** 400: a parameter or a field is wrong; `problems` names it. */
  | 'INVALID'
  /** 400: the payload breaks rules of the class that its handler takes; `problems` names them. */
  | 'INVALID_PAYLOAD'
  /** 403: the person may not do this. */
  | 'FORBIDDEN'
  /** 403: the dashboard is read-only. */
  | 'READ_ONLY'
  /** 403: the request does not come from a page of the dashboard. */
  | 'CROSS_SITE'
  /** 421: reached under a host name that is not known. */
  | 'UNKNOWN_HOST'
  /** 404 */
  | 'NOT_FOUND'
  | 'QUEUE_NOT_FOUND'
  | 'TASK_NOT_FOUND'
  | 'SCHEDULE_NOT_FOUND'
  /** 405: another method is needed. */
  | 'METHOD'
  /** 409: the task is in another state than the action needs. */
  | 'TASK_STATE'
  /** 409: a task of this id exists. */
  | 'TASK_ID_CONFLICT'
  /** 409: another task holds the unique lock. */
  | 'DUPLICATE_TASK'
  /** 409: the queue still has tasks. */
  | 'QUEUE_NOT_EMPTY'
  /** 413 */
  | 'TOO_LARGE'
  /** 415: the body is not JSON. */
  | 'CONTENT_TYPE'
  /** 429: too many searches or bulk actions run at once. */
  | 'BUSY'
  /** 503: Redis cannot be reached, or refused the command. */
  | 'REDIS'
  /** 500: an error of the dashboard; the app's log has more. */
  | 'INTERNAL';

export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode;
    /** In English, for people. */
    readonly message: string;
    readonly problems?: readonly FieldProblem[] | undefined;
  };
}

export interface FieldProblem {
  readonly field: string;
  /** What is allowed. */
  readonly allowed: string;
}

/** Why one of several was refused. */
export interface Refusal {
  /** Code of the error. */
  readonly code: string;
  /** In English, for people. */
  readonly message: string;
}
