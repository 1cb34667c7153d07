import type { Session } from '../api/access.js';
import type { TypesAnswer } from '../api/tasks.js';
import type { Read } from './read.js';

export const readSession: Read = async ({ board, viewer, query }) => {
  query.done();
  const { who, right, readOnly } = viewer;
  const answer: Session = { who, right, readOnly, nowMs: board.nowMs() };
  return answer;
};

/** Only of use to those who may enqueue. */
export const readTypes: Read = async ({ board, query }) => {
  query.done();
  const answer: TypesAnswer = { types: board.connection.types() };
  return answer;
};
