// Reads the headers of libs/core/src/scripts/**/*.lua and writes scripts.generated.ts beside them: every script with
// the names of its keys and arguments. Fails when a header and its body disagree. With --verify it writes nothing and
// fails when the generated file is out of date.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const scriptsDir = fileURLToPath(new URL('../libs/core/src/scripts/', import.meta.url));
const outputFile = join(scriptsDir, 'scripts.generated.ts');
const generatorName = 'tools/generate-scripts.mjs';

const luaFiles = readdirSync(scriptsDir, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && entry.name.endsWith('.lua'))
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((file) => !relative(scriptsDir, file).startsWith('include'))
  .sort();

const generated = render(luaFiles.map(readScript));
if (!process.argv.includes('--verify')) {
  writeFileSync(outputFile, generated);
} else if (readFileSync(outputFile, 'utf8') !== generated) {
  console.error('scripts.generated.ts is out of date: run "npm run generate"');
  process.exit(1);
}

/** One Lua file: the signature from its header, the body without comments. */
function readScript(file) {
  const lines = readFileSync(file, 'utf8').split('\n');
  const headerEnd = lines.findIndex((line) => !line.startsWith('--') || line.startsWith('--@include'));
  const header = lines.slice(0, headerEnd).map((line) => line.slice(2).trim());
  const name = basename(file, '.lua');
  const fail = (reason) => {
    throw new Error(`${relative(scriptsDir, file)}: ${reason}`);
  };

  if (!header[0]?.startsWith(`${name}: `)) fail(`the first line must say "${name}: <purpose>"`);
  for (const part of ['REPLY', 'RETURNS', 'COST'])
    if (!header.some((line) => line.startsWith(part))) fail(`no ${part} in the header`);

  const script = { name, ...readKeys(header, fail), ...readArgs(header, fail), reply: readReply(header, fail) };
  const body = lines.slice(headerEnd);
  checkBody(script, body.join('\n'), fail);
  return { ...script, purpose: header[0].slice(name.length + 2), lua: minify(body.flatMap(expandInclude)) };
}

/** `KEYS[1] pending list …` is one key, `KEYS[2..] task hash …` and `KEYS[..] lock string …` are lists. */
function readKeys(header, fail) {
  const keys = [];
  for (const line of header) {
    const [, index, name, type, pattern] = /^KEYS\[(\d*(?:\.\.)?)\]\s+(\w+)\s+(\w+)\s+(.*)$/.exec(line) ?? [];
    if (!name) {
      if (line.startsWith('KEYS')) fail(`cannot read "${line}"`);
      continue;
    }
    const isList = index.endsWith('..');
    if (index !== '..' && Number.parseInt(index) !== keys.length + 1) fail(`KEYS[${index}] is out of order`);
    if (!isList && keys.some((key) => key.isList)) fail(`KEYS[${index}] follows a list`);
    if (!['string', 'list', 'set', 'zset', 'hash', 'stream'].includes(type)) fail(`key ${name} has no Redis type`);
    keys.push({ name, type, isList, doc: `${type} ${pattern}`.replace(/\s+/g, ' ') });
  }
  if (keys.length === 0) fail('no KEYS');
  return { keys };
}

/**
 * `ARGV[1] nowS unix s` is one argument, `ARGV[2..] per task: taskId, message` the fields of each task (or group, text or event), and
 * `ARGV[..] @new-task` the last arguments: the fields that `include/new-task.lua` declares. A list may consist of such
 * fields, too.
 */
function readArgs(header, fail) {
  const args = [];
  let fields = [];
  let tail = [];
  for (const line of header) {
    const [, index, isList, rest] = /^ARGV\[(\d*)(\.\.)?\]\s+(.*)$/.exec(line) ?? [];
    if (!rest) {
      if (line.startsWith('ARGV')) fail(`cannot read "${line}"`);
      continue;
    }
    if (index === '') {
      tail = includedFields(/^@([\w-]+)/.exec(rest)?.[1]) ?? fail('ARGV[..] must say "@include"');
      continue;
    }
    if (Number(index) !== args.length + 1 || fields.length > 0) fail(`ARGV[${index}] is out of order`);
    if (isList) {
      const list =
        /^per (?:task|group|text|event): (.*)$/.exec(rest)?.[1] ?? fail(`ARGV[${index}..] must say "per task: …"`);
      fields = includedFields(/^@([\w-]+)$/.exec(list)?.[1]) ?? readFields(list);
    } else {
      args.push(readArg(rest));
    }
  }
  return { args, fields, tail };
}

function readFields(list) {
  return list.split(/,\s*(?![^(]*\))/).map(readArg);
}

function readArg(text) {
  const [, name, doc] = /^(\w+)\s*(.*)$/.exec(text.trim()) ?? [];
  if (!name) throw new Error(`cannot read the argument "${text}"`);
  return { name, doc: doc.replace(/^\((.*)\)$/, '$1') };
}

/**
 * `REPLY {integer, (text, text | nil)...}`: the shape of the reply, which is checked before it is used. A shape is `integer`, `text`,
 * `nil`, or a list of shapes, in braces; `|` separates alternatives. A list may end with shapes that repeat: `text...`,
 * `(text, integer)...`, or `integer per task`, one for each item of the call.
 */
function readReply(header, fail) {
  const [line, ...others] = header.filter((text) => text.startsWith('REPLY')).map((text) => text.slice(5).trim());
  if (others.length > 0) fail('two lines of REPLY');
  const tokens = line.match(/\w+|\.{3}|\S/g) ?? [];
  const take = (token) => tokens[0] === token && tokens.shift() !== undefined;
  const need = (token) => take(token) || fail(`cannot read REPLY at "${tokens.join(' ')}": no "${token}"`);

  function shape() {
    const found = { kinds: [] };
    do {
      if (take('{')) found.list = list();
      else if (['integer', 'text', 'nil'].includes(tokens[0])) found.kinds.push(tokens.shift());
      else fail(`cannot read REPLY at "${tokens.join(' ')}"`);
    } while (take('|'));
    return found;
  }

  function list() {
    const found = { head: [], rest: [], isPerTask: false };
    while (!take('}')) {
      const group = take('(') ? groupOf() : undefined;
      const next = group ?? [shape()];
      if (take('per')) found.isPerTask = need('task');
      if (found.isPerTask || take('...')) found.rest = next;
      else if (group) fail('a group of shapes in REPLY must repeat');
      else found.head.push(...next);
      if (found.rest.length > 0 || !take(',')) {
        need('}');
        break;
      }
    }
    return found;
  }

  function groupOf() {
    const shapes = [shape()];
    while (take(',')) shapes.push(shape());
    need(')');
    return shapes;
  }

  const found = shape();
  if (tokens.length > 0) fail(`cannot read REPLY at "${tokens.join(' ')}"`);
  return { text: line, shape: found };
}

/** The fields in the line `--@fields` of an include, whose `<NAME>_FIELDS` must count them. */
function includedFields(include) {
  if (!include) return undefined;
  const text = readFileSync(join(scriptsDir, 'include', `${include}.lua`), 'utf8');
  const fields = readFields(/^--@fields (.*)$/m.exec(text)?.[1] ?? '');
  const count = Number(/^local [A-Z_]+_FIELDS = (\d+)$/m.exec(text)?.[1]);
  if (count !== fields.length) throw new Error(`include/${include}.lua counts ${count} of ${fields.length} fields`);
  return fields;
}

/** The body must name keys and arguments as the header does, and count them the same. */
function checkBody({ keys, args, fields }, body, fail) {
  const code = body.replace(/--.*$/gm, '');
  const fixedKeys = keys.filter((key) => !key.isList);
  checkIndexes('KEYS', keys, fixedKeys.length);
  checkIndexes('ARGV', args, args.length);
  checkNames('KEYS', keys);
  checkNames('ARGV', args);
  const first = fixedKeys.length + 1;
  const counts = { ARGS: args.length, FIELDS: fields.length, FIRST_TASK: first, FIRST_GROUP: first };
  for (const [, names, values] of code.matchAll(/local ([A-Z_]+(?:, [A-Z_]+)*) = ([\d, ]+)\n/g)) {
    const numbers = values.split(',').map(Number);
    names.split(', ').forEach((name, i) => {
      if (numbers[i] !== counts[name]) fail(`${name} is ${numbers[i]}, the header says ${counts[name]}`);
    });
  }

  function checkIndexes(array, declared, fixed) {
    const used = new Set([...code.matchAll(new RegExp(`${array}\\[(\\d+)\\]`, 'g'))].map(([, index]) => Number(index)));
    const isIndexed = new RegExp(`${array}\\[[^\\d\\]]`).test(code) || new RegExp(`ipairs\\(${array}\\)`).test(code);
    for (const index of used) if (index > fixed) fail(`${array}[${index}] is not in the header`);
    for (let index = 1; index <= fixed; index++) {
      if (!used.has(index) && !isIndexed) fail(`${array}[${index}] ${declared[index - 1].name} is never used`);
    }
  }

  function checkNames(array, declared) {
    const assignment = /local ([\w, ]+?) =\s+((?:[^\n]*(?:KEYS|ARGV)\[\d+\][^\n]*))/g;
    for (const [, names, values] of code.matchAll(assignment)) {
      const parts = values.split(/,\s*(?![^(]*\))/);
      names.split(', ').forEach((name, i) => {
        const index = new RegExp(`^(?:tonumber\\()?${array}\\[(\\d+)\\]`).exec(parts[i] ?? '')?.[1];
        const expected = index && declared[index - 1]?.name;
        if (expected && name !== expected)
          fail(`${array}[${index}] is "${expected}" in the header and "${name}" in the body`);
      });
    }
  }
}

function expandInclude(line) {
  const included = /^--@include ([\w-]+)$/.exec(line)?.[1];
  return included ? readFileSync(join(scriptsDir, 'include', `${included}.lua`), 'utf8').split('\n') : [line];
}

/** Removes comments and indentation: the text is sent once per connection and node. */
function minify(lines) {
  return lines
    .map((line) => line.replace(/--.*$/, '').trim())
    .filter((line) => line !== '')
    .join('\n');
}

function render(scripts) {
  const header = [
    `// Generated by ${generatorName} from the headers of scripts/**/*.lua. Do not edit: run "npm run generate".`,
    `import { ReplyShape } from './reply-shape.js';`,
    `import { Script, type ScriptArg } from './script.js';`,
    '',
  ];
  return [...header, ...scripts.map(renderScript)].join('\n');
}

function renderScript({ name, purpose, keys, args, fields, tail, reply, lua }) {
  const constant = name.replace(/-(\w)/g, (_, letter) => letter.toUpperCase());
  const type = (members, typeOf) =>
    members.length === 0
      ? 'Record<never, never>'
      : `{\n${members.map((member) => `    /** ${member.doc || 'text'} */\n    readonly ${member.name}: ${typeOf(member)};`).join('\n')}\n  }`;
  const names = (members) => `[${members.map((member) => `'${member.name}'`).join(', ')}]`;
  return [
    `/** ${purpose} */`,
    `export const ${constant} = new Script<`,
    `  ${type(keys, (key) => (key.isList ? 'readonly string[]' : 'string'))},`,
    `  ${type([...args, ...tail], () => 'ScriptArg')},`,
    `  ${type(fields, () => 'ScriptArg')}`,
    `>(`,
    `  '${name}',`,
    `  { keys: ${names(keys)}, types: [${keys.map((key) => `'${key.type}'`).join(', ')}], args: ${names(args)}, fields: ${names(fields)}, tail: ${names(tail)}, reply: new ReplyShape('${reply.text}', ${renderShape(reply.shape)}) },`,
    `  \`${lua.replace(/[`\\$]/g, '\\$&')}\`,`,
    `);`,
    '',
  ].join('\n');
}

function renderShape({ kinds, list }) {
  const shapes = (members) => `[${members.map(renderShape).join(', ')}]`;
  const parts = [`kinds: [${kinds.map((kind) => `'${kind}'`).join(', ')}]`];
  if (list)
    parts.push(`list: { head: ${shapes(list.head)}, rest: ${shapes(list.rest)}, isPerTask: ${list.isPerTask} }`);
  return `{ ${parts.join(', ')} }`;
}
