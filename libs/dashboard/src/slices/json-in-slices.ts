import { WorkSlices } from './work-slices.js';

/** Characters that are written in one turn of the event loop. */
const MOST_PER_TURN = 131_072;
/** Characters of one piece, about. */
const PIECE = 16_384;
/** About the characters of a number, or of the name of a member. */
const SCALAR = 8;

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
  if (roomBehind(value, PIECE) >= 0) yield JSON.stringify(value) ?? 'null';
  else if (typeof value === 'string') yield* piecesOfText(value);
  else if (Array.isArray(value)) yield* piecesOfList(value);
  else yield* piecesOfObject(value as object);
}

/** How many of so many characters are left behind a value, about; negative: too few, then the rest is not looked at. */
function roomBehind(value: unknown, room: number): number {
  if (typeof value === 'string') return room - value.length;
  let left = room - SCALAR;
  if (typeof value !== 'object' || value === null) return left;
  for (const member of Object.values(value)) {
    if (left < 0) break;
    left = roomBehind(member, left - SCALAR);
  }
  return left;
}

function* piecesOfList(items: readonly unknown[]): Generator<string> {
  yield '[';
  for (let at = 0; at < items.length;) {
    if (at > 0) yield ',';
    let end = at;
    for (let room = PIECE; end < items.length; end++) {
      room = roomBehind(items[end], room);
      if (room < 0) break;
    }
    if (end > at) yield JSON.stringify(items.slice(at, end)).slice(1, -1);
    else yield* piecesOf(items[end++]);
    at = end;
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
