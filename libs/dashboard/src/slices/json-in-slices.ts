import { WorkSlices } from './work-slices.js';

/** Characters that are written in one turn of the event loop. */
const MOST_PER_TURN = 131_072;
/** Characters of one piece of a long text. */
const PIECE = 65_536;

/** The text of `JSON.stringify`, written in slices: an answer may hold hundreds of payloads, or one of megabytes. */
export async function jsonInSlices(value: unknown): Promise<string> {
  const slices = new WorkSlices(MOST_PER_TURN);
  const pieces: string[] = [];
  for (const piece of piecesOf(value)) {
    pieces.push(piece);
    await slices.take(piece.length);
  }
  return pieces.join('');
}

function* piecesOf(value: unknown): Generator<string> {
  if (isLongText(value)) yield* piecesOfText(value);
  else if (Array.isArray(value) && value.some((item) => isObject(item) || isLongText(item))) yield* piecesOfList(value);
  else if (isObject(value) && !Array.isArray(value)) yield* piecesOfObject(value);
  else yield JSON.stringify(value) ?? 'null';
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isLongText = (value: unknown): value is string => typeof value === 'string' && value.length > PIECE;

function* piecesOfList(items: readonly unknown[]): Generator<string> {
  yield '[';
  for (const [at, item] of items.entries()) {
    if (at > 0) yield ',';
    yield* piecesOf(item);
  }
  yield ']';
}

function* piecesOfObject(value: object): Generator<string> {
  let begin = '{';
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    yield `${begin}${JSON.stringify(name)}:`;
    yield* piecesOf(member);
    begin = ',';
  }
  yield begin === '{' ? '{}' : '}';
}

/** Half of a surrogate pair would be written as an escape of its own: pieces end at whole characters. */
function* piecesOfText(text: string): Generator<string> {
  yield '"';
  for (let at = 0; at < text.length;) {
    const isPair = isHighSurrogate(text.charCodeAt(at + PIECE - 1));
    const end = at + PIECE - Number(isPair);
    yield JSON.stringify(text.slice(at, end)).slice(1, -1);
    at = end;
  }
  yield '"';
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff;
