import type { TaskOptions } from '@nestjs-asynq/core';
import { NEEDED_RIGHT } from '../api/access.js';
import type { EnqueuedAnswer } from '../api/tasks.js';
import type { Fields } from '../http/fields.js';
import { RequestError } from '../http/request.error.js';
import { HIDDEN } from '../redaction/redacted-fields.js';
import { audited, type WriteAction, type WriteContext } from './write.js';

/** Characters of a payload in a request; bodies have a limit of their own. */
const LONGEST = 64 * 1024 * 1024;
const YEARS_MS = { min: 0, max: 100 * 365 * 24 * 3_600_000 };
const MOST_HEADERS = 100;

/** Bytes of a field `payload`; `undefined`: none is given. */
function readContent(body: Fields, { board }: WriteContext): Uint8Array | undefined {
  const given = body.value('payload');
  if (given === undefined) return undefined;
  const { encoding, data } = given as { encoding?: unknown; data?: unknown };
  if (typeof data === 'string' && data.length <= LONGEST && data.isWellFormed()) {
    if (encoding === 'text') {
      if (!board.redactor.isIdle && data.includes(HIDDEN)) {
        body.refuse('payload', `without "${HIDDEN}": give the hidden fields values, or leave them out`);
      }
      return Buffer.from(data);
    }
    if (encoding === 'base64' && /^[\w+/-]*={0,2}$/.test(data)) return Buffer.from(data, 'base64');
  }
  body.refuse('payload', '{ encoding: "text" or "base64", data }');
  return new Uint8Array();
}

/**
 * Refuses what the handler would refuse: it archives such a task, as no retry can mend it.
 * @throws {RequestError} the payload breaks rules of its class
 */
async function checkPayload({ board }: WriteContext, type: string, payload: Uint8Array): Promise<void> {
  const problems = (await board.connection.problemsOf?.(type, payload)) ?? [];
  if (problems.length === 0) return;
  throw new RequestError(
    400,
    'INVALID_PAYLOAD',
    `the payload does not fit the class of the handler of "${type}": ${problems.join('; ')}`,
    problems.map((allowed) => ({ field: 'payload', allowed })),
  );
}

export const editPayload: WriteAction = async (context) => {
  const { body, viewer, board } = context;
  const [queue, id] = [body.required('queue'), body.required('id')];
  const payload = readContent(body, context);
  if (payload === undefined) body.refuse('payload', 'given');
  body.done();
  viewer.checkMay(queue, NEEDED_RIGHT.editPayload);
  await audited(context, 'editPayload', { queues: [queue], taskIds: [id] }, async () => {
    const { type } = await board.inspector.taskInfo(queue, id);
    await checkPayload(context, type, payload!);
    await board.inspector.updateTaskPayload(queue, id, payload!);
  });
  return {};
};

/** A copy with a new id, which begins as a new task: no failures, no lock. */
export const enqueueAgain: WriteAction = async (context) => {
  const { body, viewer, board } = context;
  const [queue, id] = [body.required('queue'), body.required('id')];
  const target = body.text('target') ?? queue;
  const payload = readContent(body, context);
  const atMs = body.timeMs('processAtMs');
  body.done();
  const needed = payload === undefined ? NEEDED_RIGHT.again : NEEDED_RIGHT.newTask;
  viewer.checkMay(queue, NEEDED_RIGHT.again);
  viewer.checkMay(target, needed);
  const facts = { queues: [...new Set([queue, target])], taskIds: [id] };
  return audited(context, 'again', facts, async (): Promise<EnqueuedAnswer> => {
    const task = await board.inspector.taskInfo(queue, id);
    if (payload !== undefined) await checkPayload(context, task.type, payload);
    const isAhead = task.deadline !== undefined && task.deadline.getTime() > board.nowMs();
    const options: TaskOptions = {
      queue: target,
      maxRetry: task.maxRetry,
      retention: task.retentionMs,
      headers: task.headers,
      ...(task.timeoutMs !== undefined && { timeout: task.timeoutMs }),
      ...(isAhead && { deadline: task.deadline }),
      ...(task.group !== undefined && { group: task.group }),
      ...(atMs !== undefined && { processAt: new Date(atMs) }),
    };
    return board.connection.enqueue(task.type, payload ?? task.payload, options);
  });
};

export const newTask: WriteAction = async (context) => {
  const { body, viewer, board } = context;
  const [queue, type] = [body.required('queue'), body.required('type')];
  const payload = readContent(body, context);
  if (payload === undefined) body.refuse('payload', 'given');
  const [id, group] = [body.text('id'), body.text('group')];
  const maxRetry = body.wholeNumber('maxRetry', { min: 0, max: 2 ** 31 - 1 });
  const timeout = body.wholeNumber('timeoutMs', YEARS_MS);
  const retention = body.wholeNumber('retentionMs', YEARS_MS);
  const unique = body.wholeNumber('uniqueMs', YEARS_MS);
  const atMs = body.timeMs('processAtMs');
  const headers = readHeaders(body);
  body.done();
  viewer.checkMay(queue, NEEDED_RIGHT.newTask);
  const options: TaskOptions = {
    queue,
    ...(id !== undefined && { taskId: id }),
    ...(group !== undefined && { group }),
    ...(maxRetry !== undefined && { maxRetry }),
    ...(timeout !== undefined && { timeout }),
    ...(retention !== undefined && { retention }),
    ...(unique !== undefined && { unique }),
    ...(atMs !== undefined && { processAt: new Date(atMs) }),
    ...(headers && { headers }),
  };
  const facts = { queues: [queue], details: { type }, ...(id !== undefined && { taskIds: [id] }) };
  return audited(context, 'newTask', facts, async () => {
    await checkPayload(context, type, payload!);
    return board.connection.enqueue(type, payload!, options);
  });
};

function readHeaders(body: Fields): Readonly<Record<string, string>> | undefined {
  const given = body.value('headers');
  if (given === undefined) return undefined;
  const entries = typeof given === 'object' && given !== null ? Object.entries(given) : [];
  const isFine =
    typeof given === 'object' &&
    !Array.isArray(given) &&
    entries.length <= MOST_HEADERS &&
    entries.every(([, value]) => typeof value === 'string');
  return isFine ? (given as Readonly<Record<string, string>>) : body.refuse('headers', 'text for each name');
}
