import { ChevronRight } from 'lucide-react';
import { type KeyboardEvent, useMemo, useRef, useState } from 'react';
import { useI18n } from '../i18n/i18n.js';
import { Button } from '../parts/button.js';
import type { JsonNode } from './json-tree.js';

interface Line {
  readonly path: string;
  readonly depth: number;
  readonly key: string | undefined;
  readonly node: JsonNode;
  /** Of an array or object with content: whether it is open. */
  readonly isOpen: boolean | undefined;
  readonly position: number;
  readonly siblings: number;
}

/** Lines drawn at first, and added at a time. */
const LINES = 400;
/** Open at first: what stands above this depth, while there is room. */
const OPEN_DEPTH = 3;
const OPEN_ITEMS = 60;

/** A JSON value as a tree, by mouse and keyboard (arrows, Home, End, Enter). */
export function JsonTreeView({ root, label }: { readonly root: JsonNode; readonly label: string }) {
  const { t } = useI18n();
  const [toggled, setToggled] = useState<ReadonlySet<string>>(new Set());
  const [shown, setShown] = useState(LINES);
  const [focused, setFocused] = useState('');
  const tree = useRef<HTMLDivElement>(null);
  const lines = useMemo(() => linesOf(root, toggled, shown + 1), [root, toggled, shown]);

  const toggle = (path: string): void => {
    const next = new Set(toggled);
    if (!next.delete(path)) next.add(path);
    setToggled(next);
  };
  const focusOn = (line: Line | undefined): void => {
    if (!line) return;
    setFocused(line.path);
    tree.current?.querySelector<HTMLElement>(`[data-path="${CSS.escape(line.path)}"]`)?.focus();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = Math.max(
      0,
      lines.findIndex(({ path }) => path === focused),
    );
    const line = lines[at];
    if (!line || event.altKey || event.ctrlKey || event.metaKey) return;
    switch (event.key) {
      case 'ArrowDown':
        focusOn(lines.slice(0, shown)[at + 1]);
        break;
      case 'ArrowUp':
        focusOn(lines[at - 1]);
        break;
      case 'ArrowRight':
        if (line.isOpen === false) toggle(line.path);
        else if (line.isOpen) focusOn(lines[at + 1]);
        break;
      case 'ArrowLeft':
        if (line.isOpen) toggle(line.path);
        else focusOn(lines.slice(0, at).findLast(({ depth }) => depth < line.depth));
        break;
      case 'Home':
        focusOn(lines[0]);
        break;
      case 'End':
        focusOn(lines.slice(0, shown).at(-1));
        break;
      case 'Enter':
      case ' ':
        if (line.isOpen !== undefined) toggle(line.path);
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  const isFocusShown = lines.some(({ path }) => path === focused);
  return (
    <>
      <div ref={tree} className="json" role="tree" aria-label={label} onKeyDown={onKeyDown}>
        {lines.slice(0, shown).map((line, index) => (
          <div
            key={line.path}
            role="treeitem"
            aria-level={line.depth + 1}
            aria-posinset={line.position}
            aria-setsize={line.siblings}
            aria-expanded={line.isOpen}
            aria-selected={line.path === focused}
            data-path={line.path}
            tabIndex={(isFocusShown ? line.path === focused : index === 0) ? 0 : -1}
            className={`json-line ${line.isOpen === undefined ? '' : 'json-branch'}`}
            style={{ paddingInlineStart: `${line.depth * 1.25 + 1.25}rem` }}
            onFocus={() => setFocused(line.path)}
            onClick={() => line.isOpen !== undefined && toggle(line.path)}
          >
            {line.isOpen !== undefined && <ChevronRight size={14} className="json-arrow" aria-hidden />}
            {line.key !== undefined && <span className="json-key">{line.key}</span>}
            {line.key !== undefined && <span className="json-sign">: </span>}
            <Value line={line} />
          </div>
        ))}
      </div>
      {lines.length > shown && (
        <Button look="quiet" onClick={() => setShown(shown + LINES)}>
          {t('json.more')}
        </Button>
      )}
    </>
  );
}

function Value({ line: { node, isOpen } }: { readonly line: Line }) {
  const { t } = useI18n();
  switch (node.kind) {
    case 'string':
      return <span className="json-string">{JSON.stringify(node.text).replaceAll(String.raw`\n`, '\n')}</span>;
    case 'array':
      return (
        <span className="json-sign">
          {isOpen ? '[' : isOpen === undefined ? '[]' : `[ ${t('json.items', { n: node.items.length })} ]`}
        </span>
      );
    case 'object':
      return (
        <span className="json-sign">
          {isOpen ? '{' : isOpen === undefined ? '{}' : `{ ${t('json.keys', { n: node.entries.length })} }`}
        </span>
      );
    case 'number':
    case 'boolean':
    case 'null':
    default:
      return <span className={`json-${node.kind}`}>{node.text}</span>;
  }
}

/** At most `most` lines: those that are not drawn are not made. */
function linesOf(root: JsonNode, toggled: ReadonlySet<string>, most: number): Line[] {
  const lines: Line[] = [];
  const add = (node: JsonNode, key: string | undefined, path: string, depth: number, place: [number, number]): void => {
    if (lines.length >= most) return;
    const children = childrenOf(node);
    const startsOpen = depth < OPEN_DEPTH && (depth === 0 || children.length <= OPEN_ITEMS);
    const isOpen = children.length === 0 ? undefined : startsOpen !== toggled.has(path);
    lines.push({ path, depth, key, node, isOpen, position: place[0], siblings: place[1] });
    if (!isOpen) return;
    for (const [index, [childKey, child]] of children.entries()) {
      if (lines.length >= most) return;
      add(child, childKey, `${path}/${index}`, depth + 1, [index + 1, children.length]);
    }
  };
  add(root, undefined, '', 0, [1, 1]);
  return lines;
}

function childrenOf(node: JsonNode): readonly (readonly [string, JsonNode])[] {
  if (node.kind === 'object') return node.entries;
  if (node.kind === 'array') return node.items.map((item, index) => [String(index), item] as const);
  return [];
}
