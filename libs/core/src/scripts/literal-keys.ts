/** Commands whose first argument is not a key. */
const WITHOUT_KEY = new Set(['PUBLISH']);

/**
 * A script in the form that some proxies demand: every key of a command is the text `KEYS[<number>]` in its call. A call
 * whose key is an expression goes through one function per key instead, for up to `keyCount` keys; one that takes a list of keys,
 * `unpack(keys)`, is made for each of them.
 * @throws {Error} a call names its command by an expression
 */
export function withLiteralKeys(lua: string, keyCount: number): string {
  const used = new Set<string>();
  const ofLists = new Set<string>();
  const body = replaceCalls(lua, (name, command, key) => {
    if (WITHOUT_KEY.has(command) || isLiteral(key)) return undefined;
    const call = `${name} ${command}`;
    used.add(call);
    if (isList(key)) {
      ofLists.add(call);
      return `${name}_for_each.${command}({ ${key} }`;
    }
    if (key.includes('redis.')) throw new Error(`the key of ${command} is the reply of a command: ${key}`);
    return `${name}_by_key.${command}[key_at[${key}]](`;
  });
  if (used.size === 0) return lua;
  return [
    'local key_at, call_by_key, pcall_by_key, call_for_each, pcall_for_each = {}, {}, {}, {}, {}',
    'for i = 1, #KEYS do key_at[KEYS[i]] = i end',
    ...[...used].map((call) => functionsOf(call, keyCount)),
    ...[...ofLists].map(functionForEach),
    body,
  ].join('\n');
}

/** The number of keys that a text is made for: batches of many sizes share few texts, each of which Redis caches. */
export function roundedCount(keyCount: number): number {
  return 2 ** Math.ceil(Math.log2(keyCount));
}

function functionsOf(call: string, keyCount: number): string {
  const [name, command] = call.split(' ');
  const functions = Array.from(
    { length: keyCount },
    (_, at) => `function(...) return redis.${name}('${command}', KEYS[${at + 1}], ...) end`,
  );
  return `${name}_by_key.${command} = { ${functions.join(', ')} }`;
}

function functionForEach(call: string): string {
  const [name, command] = call.split(' ');
  return `${name}_for_each.${command} = function(keys) for _, key in ipairs(keys) do ${name}_by_key.${command}[key_at[key]]() end end`;
}

const isList = (key: string): boolean => key.startsWith('unpack(');
const isLiteral = (key: string): boolean => /^KEYS\[\d+\]$/.test(key);

/** The text that takes the place of a call up to its key and the comma behind it. */
type Replace = (name: string, command: string, key: string) => string | undefined;

function replaceCalls(lua: string, replace: Replace): string {
  let replaced = '';
  let from = 0;
  for (const match of lua.matchAll(/redis\.(p?call)\(/g)) {
    const start = match.index + match[0].length;
    const [, command] = /^'([A-Z]+)', /.exec(lua.slice(start)) ?? [];
    if (!command) throw new Error(`the command of ${lua.slice(match.index, start + 20)} is an expression`);
    const keyAt = start + command.length + 4;
    const keyEnd = endOfArgument(lua, keyAt);
    const restAt = lua[keyEnd] === ',' ? keyEnd + 2 : keyEnd;
    const text = replace(match[1]!, command, lua.slice(keyAt, keyEnd));
    if (text === undefined) continue;
    replaced += lua.slice(from, match.index) + text;
    from = restAt;
  }
  return replaced + lua.slice(from);
}

/** Where the comma or bracket behind an argument is. */
function endOfArgument(lua: string, start: number): number {
  let depth = 0;
  for (let at = start; at < lua.length; at++) {
    if ('([{'.includes(lua[at]!)) depth++;
    if (depth === 0 && ',)'.includes(lua[at]!)) return at;
    if (')]}'.includes(lua[at]!)) depth--;
  }
  throw new Error(`an argument without an end: ${lua.slice(start, start + 20)}`);
}
