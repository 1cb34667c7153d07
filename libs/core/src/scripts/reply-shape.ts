/** What a value in a reply is; text arrives as bytes. */
type Kind = 'integer' | 'text' | 'nil';

/** A shape as `npm run generate` reads it from the header of a script. */
interface Declared {
  readonly kinds: readonly Kind[];
  readonly list?: {
    readonly head: readonly Declared[];
    /** Shapes that repeat after the head, together. */
    readonly rest: readonly Declared[];
    /** They do so once for each item of the call. */
    readonly isPerTask: boolean;
  };
}

/** The shape of the replies of a script. A proxy, another server or a bug may answer anything. */
export class ReplyShape {
  private readonly fits: Check;

  constructor(
    /** As the header of the script declares it. */
    readonly text: string,
    declared: Declared,
  ) {
    this.fits = checkOf(declared);
  }

  /** Whether a reply to a call with this many items has this shape. */
  accepts(reply: unknown, items: number): boolean {
    return this.fits(reply, items);
  }
}

type Check = (value: unknown, items: number) => boolean;

function checkOf({ kinds, list }: Declared): Check {
  const mayBeInteger = kinds.includes('integer');
  const mayBeText = kinds.includes('text');
  const mayBeNil = kinds.includes('nil');
  const isList = list && listCheck(list);
  return (value, items) => {
    if (typeof value === 'number') return mayBeInteger && Number.isInteger(value);
    if (value === null) return mayBeNil;
    if (Array.isArray(value)) return isList !== undefined && isList(value, items);
    return mayBeText && Buffer.isBuffer(value);
  };
}

function listCheck({ head, rest, isPerTask }: NonNullable<Declared['list']>) {
  const first = head.map(checkOf);
  const repeated = rest.map(checkOf);
  return (values: readonly unknown[], items: number): boolean => {
    const others = values.length - first.length;
    if (isPerTask ? others !== items * repeated.length : !isMultiple(others, repeated.length)) return false;
    for (let i = 0; i < first.length; i++) if (!first[i]!(values[i], items)) return false;
    for (let i = first.length; i < values.length;) {
      for (let at = 0; at < repeated.length; at++, i++) if (!repeated[at]!(values[i], items)) return false;
    }
    return true;
  };
}

const isMultiple = (count: number, of: number): boolean => (of === 0 ? count === 0 : count >= 0 && count % of === 0);

/** The kind of a reply, without its content, which may be secret. */
export function kindOfReply(reply: unknown): string {
  if (reply === null) return 'nil';
  if (Buffer.isBuffer(reply)) return 'text';
  if (Number.isInteger(reply)) return 'integer';
  if (!Array.isArray(reply)) return typeof reply;
  const shown = reply
    .slice(0, MOST_SHOWN)
    .map((value) => (Array.isArray(value) ? `list of ${value.length}` : kindOfReply(value)));
  return `list of ${reply.length} {${shown.join(', ')}${reply.length > MOST_SHOWN ? ', ...' : ''}}`;
}

/** Maximum number of values of a list whose kinds are told. */
const MOST_SHOWN = 8;
