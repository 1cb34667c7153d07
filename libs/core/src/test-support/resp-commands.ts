/** Reads commands, which clients send as arrays of bulk strings, from the chunks of a stream. */
export function commandReader(): (chunk: Buffer) => Buffer[][] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const commands: Buffer[][] = [];
    for (let read = readOne(rest); read; read = readOne(rest)) {
      commands.push(read.command);
      rest = rest.subarray(read.length);
    }
    return commands;
  };
}

/** The first command and its number of bytes; `undefined` while it is incomplete. */
function readOne(bytes: Buffer): { command: Buffer[]; length: number } | undefined {
  let at = 0;
  const readNumber = (): number | undefined => {
    const end = bytes.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const number = Number(bytes.toString('latin1', at + 1, end));
    at = end + 2;
    return number;
  };
  const count = readNumber();
  if (count === undefined) return undefined;
  const command: Buffer[] = [];
  for (let part = 0; part < count; part++) {
    const length = readNumber();
    if (length === undefined || bytes.length < at + length + 2) return undefined;
    command.push(Buffer.from(bytes.subarray(at, at + length)));
    at += length + 2;
  }
  return { command, length: at };
}
