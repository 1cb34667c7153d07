// Imported, since the global is a getter, which costs more than a short copy.
import { Buffer } from 'node:buffer';
import { TaskMessageRecord } from './asynq.generated.js';
import {
  addEntry,
  isSmall,
  lengthOfMap,
  lengthOfNumber,
  lengthOfText,
  lengthOfVarint,
  putMap,
  putNumber,
  putText,
  putVarint,
  smallOf,
  textAt,
  varintAt,
} from './plain-fields.js';
import { decodeRecord, fromInt64, plainBytes, toInt64, wellFormed, wellFormedMap } from './record.js';

/**
 * The protobuf record in the hash field `msg`, field by field as asynq writes it. 64-bit fields are `bigint`, so that
 * no value of a Go program is rounded.
 */
export interface TaskMessage {
  readonly type: string;
  /**
   * Raw bytes. The wire does not distinguish a missing payload from an empty one. After decoding it is a view into the
   * bytes of the record: copy it before you post it to another thread, or the whole underlying reply is sent along.
   */
  readonly payload: Uint8Array;
  readonly id: string;
  readonly queue: string;
  /** Maximum number of retries before the task is archived. */
  readonly maxRetry: number;
  /** Number of counted failures so far. */
  readonly retried: number;
  /** Text of the last error; never cleared. */
  readonly errorMsg: string;
  /** Maximum duration of an attempt, seconds; 0 none. */
  readonly timeoutS: bigint;
  /** When every attempt ends, unix s; 0 none. */
  readonly deadlineS: bigint;
  /** Full name of the unique lock; empty when the task holds none. */
  readonly uniqueKey: string;
  /** Unix s; 0 never. */
  readonly lastFailedAtS: bigint;
  /** How long to keep the task after success, seconds. */
  readonly retentionS: bigint;
  /** Unix s; 0 not completed. */
  readonly completedAtS: bigint;
  /** Group name; empty when the task belongs to none. */
  readonly groupKey: string;
  /** User metadata, asynq 0.26 and later; an older Go worker drops them when it retries the task. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Bytes for the hash field `msg`, as asynq writes them: fields by number, defaults left out, each header with key and
 * value. Half a surrogate pair in a text becomes U+FFFD, since Go accepts valid UTF-8 only; numbers wrap as in Go.
 */
export function encodeTaskMessage(message: TaskMessage): Buffer {
  return encodePlainMessage(message) ?? encodeAnyMessage(message);
}

/** By the protobuf runtime. */
export function encodeAnyMessage(message: TaskMessage): Buffer {
  return TaskMessageRecord.encode({
    type: wellFormed(message.type),
    payload: message.payload,
    id: wellFormed(message.id),
    queue: wellFormed(message.queue),
    retry: message.maxRetry,
    retried: message.retried,
    errorMsg: wellFormed(message.errorMsg),
    timeout: toInt64(message.timeoutS),
    deadline: toInt64(message.deadlineS),
    uniqueKey: wellFormed(message.uniqueKey),
    lastFailedAt: toInt64(message.lastFailedAtS),
    retention: toInt64(message.retentionS),
    completedAt: toInt64(message.completedAtS),
    groupKey: wellFormed(message.groupKey),
    headers: wellFormedMap(message.headers),
  }).finish();
}

/** Tags: the number of the field, and how its value is stored. */
const TYPE = (1 << 3) | 2;
const PAYLOAD = (2 << 3) | 2;
const ID = (3 << 3) | 2;
const QUEUE = (4 << 3) | 2;
const MAX_RETRY = 5 << 3;
const RETRIED = 6 << 3;
const ERROR_MSG = (7 << 3) | 2;
const TIMEOUT = 8 << 3;
const DEADLINE = 9 << 3;
const UNIQUE_KEY = (10 << 3) | 2;
const LAST_FAILED_AT = 11 << 3;
const RETENTION = 12 << 3;
const COMPLETED_AT = 13 << 3;
const GROUP_KEY = (14 << 3) | 2;
const HEADERS = (15 << 3) | 2;

/**
 * The bytes of a usual message, three times as fast as by the protobuf runtime. `undefined` for any other, with text
 * that is not ASCII, numbers that are negative or large, or an empty header: these are left to the runtime, which agrees with
 * Go about all of them.
 */
export function encodePlainMessage(message: TaskMessage): Buffer | undefined {
  const { type, payload, id, queue, maxRetry, retried, errorMsg, uniqueKey, groupKey } = message;
  if (!isSmall(maxRetry) || !isSmall(retried)) return undefined;
  const timeoutS = smallOf(message.timeoutS);
  const deadlineS = smallOf(message.deadlineS);
  const lastFailedAtS = smallOf(message.lastFailedAtS);
  const retentionS = smallOf(message.retentionS);
  const completedAtS = smallOf(message.completedAtS);
  const headersLength = lengthOfMap(message.headers);
  if (Number.isNaN(headersLength)) return undefined;
  if (timeoutS < 0 || deadlineS < 0 || lastFailedAtS < 0 || retentionS < 0 || completedAtS < 0) return undefined;

  const bytes = Buffer.allocUnsafe(
    lengthOfText(type.length) +
      lengthOfText(payload.length) +
      lengthOfText(id.length) +
      lengthOfText(queue.length) +
      lengthOfNumber(maxRetry) +
      lengthOfNumber(retried) +
      lengthOfText(errorMsg.length) +
      lengthOfNumber(timeoutS) +
      lengthOfNumber(deadlineS) +
      lengthOfText(uniqueKey.length) +
      lengthOfNumber(lastFailedAtS) +
      lengthOfNumber(retentionS) +
      lengthOfNumber(completedAtS) +
      lengthOfText(groupKey.length) +
      headersLength,
  );
  let at = putText(bytes, 0, TYPE, type);
  if (payload.length > 0) {
    bytes[at] = PAYLOAD;
    at = putVarint(bytes, at + 1, payload.length);
    bytes.set(payload, at);
    at += payload.length;
  }
  at = putText(bytes, at, ID, id);
  at = putText(bytes, at, QUEUE, queue);
  at = putNumber(bytes, at, MAX_RETRY, maxRetry);
  at = putNumber(bytes, at, RETRIED, retried);
  at = putText(bytes, at, ERROR_MSG, errorMsg);
  at = putNumber(bytes, at, TIMEOUT, timeoutS);
  at = putNumber(bytes, at, DEADLINE, deadlineS);
  at = putText(bytes, at, UNIQUE_KEY, uniqueKey);
  at = putNumber(bytes, at, LAST_FAILED_AT, lastFailedAtS);
  at = putNumber(bytes, at, RETENTION, retentionS);
  at = putNumber(bytes, at, COMPLETED_AT, completedAtS);
  at = putText(bytes, at, GROUP_KEY, groupKey);
  at = putMap(bytes, at, HEADERS, message.headers);
  return at === bytes.length ? bytes : undefined; // a text was not ASCII
}

/** Texts that a message is expected to contain: these are returned, instead of copies. */
interface ExpectedTexts {
  readonly id: string;
  readonly queue: string;
}

/**
 * Reads messages of any asynq version. Fields may come in any order and repeat (the last wins); unknown ones are
 * skipped, and lost when the message is written again, as in Go.
 * @throws {MessageDecodeError} Go would refuse the bytes, too
 */
export function decodeTaskMessage(bytes: Uint8Array, expected = NOTHING_EXPECTED): TaskMessage {
  return decodePlainMessage(bytes, expected) ?? decodeAnyMessage(bytes);
}

const NOTHING_EXPECTED: ExpectedTexts = { id: '', queue: '' };

/** By the protobuf runtime. */
export function decodeAnyMessage(bytes: Uint8Array): TaskMessage {
  const fields = decodeRecord('TaskMessage', TaskMessageRecord, bytes);
  return {
    type: fields.type,
    payload: plainBytes(fields.payload),
    id: fields.id,
    queue: fields.queue,
    maxRetry: fields.retry,
    retried: fields.retried,
    errorMsg: fields.errorMsg,
    timeoutS: fromInt64(fields.timeout),
    deadlineS: fromInt64(fields.deadline),
    uniqueKey: fields.uniqueKey,
    lastFailedAtS: fromInt64(fields.lastFailedAt),
    retentionS: fromInt64(fields.retention),
    completedAtS: fromInt64(fields.completedAt),
    groupKey: fields.groupKey,
    headers: fields.headers,
  };
}

/** Most tasks are of the same type as the one before. */
let lastType = '';

/**
 * Reads the bytes of a usual message with a tenth of the garbage that the protobuf runtime leaves. `undefined` for any other, as
 * {@link encodePlainMessage} says, and for unknown fields and bytes that are not valid.
 */
export function decodePlainMessage(bytes: Uint8Array, { id, queue }: ExpectedTexts): TaskMessage | undefined {
  if (!Buffer.isBuffer(bytes)) return undefined;
  const message = emptyMessage();
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at]!;
    const value = varintAt(bytes, at + 1); // a number, or the length of a text
    if (value < 0) return undefined;
    const start = at + 1 + lengthOfVarint(value);
    const isText = (tag & 7) === 2;
    at = isText ? start + value : start;
    if (at > bytes.length) return undefined;
    if (tag === PAYLOAD) message.payload = new Uint8Array(bytes.buffer, bytes.byteOffset + start, value);
    else if (tag === HEADERS) {
      if (!addEntry(message.headers, bytes, start, at)) return undefined;
    } else if (isText) {
      const known = tag === ID ? id : tag === QUEUE ? queue : tag === TYPE ? lastType : '';
      const text = textAt(bytes, start, at, known);
      if (text === undefined || !setText(message, tag, text)) return undefined;
    } else if (!setNumber(message, tag, value)) return undefined;
  }
  return message;
}

/** Its headers can be added to. */
type WritableMessage = { -readonly [Name in keyof TaskMessage]: TaskMessage[Name] } & {
  headers: Record<string, string>;
};

const NO_BYTES = new Uint8Array();

/** All fields as the wire leaves them out. */
export function emptyMessage(): WritableMessage {
  return {
    type: '',
    payload: NO_BYTES,
    id: '',
    queue: '',
    maxRetry: 0,
    retried: 0,
    errorMsg: '',
    timeoutS: 0n,
    deadlineS: 0n,
    uniqueKey: '',
    lastFailedAtS: 0n,
    retentionS: 0n,
    completedAtS: 0n,
    groupKey: '',
    headers: {},
  };
}

/** `false`: no such field. */
function setText(message: WritableMessage, tag: number, text: string): boolean {
  if (tag === TYPE) message.type = lastType = text;
  else if (tag === ID) message.id = text;
  else if (tag === QUEUE) message.queue = text;
  else if (tag === ERROR_MSG) message.errorMsg = text;
  else if (tag === UNIQUE_KEY) message.uniqueKey = text;
  else if (tag === GROUP_KEY) message.groupKey = text;
  else return false;
  return true;
}

/** `false`: no such field, or too large a number. */
function setNumber(message: WritableMessage, tag: number, value: number): boolean {
  if (tag === MAX_RETRY || tag === RETRIED) {
    if (!isSmall(value)) return false;
    message[tag === MAX_RETRY ? 'maxRetry' : 'retried'] = value;
  } else if (tag === TIMEOUT) message.timeoutS = BigInt(value);
  else if (tag === DEADLINE) message.deadlineS = BigInt(value);
  else if (tag === LAST_FAILED_AT) message.lastFailedAtS = BigInt(value);
  else if (tag === RETENTION) message.retentionS = BigInt(value);
  else if (tag === COMPLETED_AT) message.completedAtS = BigInt(value);
  else return false;
  return true;
}
