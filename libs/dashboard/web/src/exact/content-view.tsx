import { useMemo, useState } from 'react';
import type { Content } from '../../../src/api/tasks.js';
import { useI18n } from '../i18n/i18n.js';
import type { MessageKey } from '../i18n/messages.js';
import { Button } from '../parts/button.js';
import { CopyButton } from '../parts/copy.js';
import { bytesOfBase64, hexLines, textOfBytes } from './bytes.js';
import { parseJsonTree } from './json-tree.js';
import { JsonTreeView } from './json-tree-view.js';

type View = 'formatted' | 'tree' | 'text' | 'hex';

interface ContentViewProps {
  readonly content: Content;
  readonly label: string;
  /** Reads all of it. */
  readonly onWhole?: (() => void) | undefined;
}

/** Lines of hex drawn: 64 kB. */
const HEX_LINES = 4_096;

/** Bytes as a JSON tree, as text and in hex. */
export function ContentView({ content, label, onWhole }: ContentViewProps) {
  const { t, format } = useI18n();
  const bytes = useMemo(() => bytesOf(content), [content]);
  const text = content.encoding === 'text' ? content.data : undefined;
  const tree = useMemo(() => (text === undefined ? undefined : parseJsonTree(text)), [text]);
  const [chosen, setChosen] = useState<View>();

  const views: View[] = [];
  if (content.formatted !== undefined) views.push('formatted');
  if (tree) views.push('tree');
  if (text !== undefined) views.push('text');
  views.push('hex');
  const view = chosen && views.includes(chosen) ? chosen : views[0]!;
  const isEmpty = content.bytes === 0;

  return (
    <section className="card content" aria-label={label}>
      <header className="card-head">
        <h2>{label}</h2>
        <span className="muted">{format.bytes(content.bytes)}</span>
        <span className="gap" />
        {!isEmpty && (
          <div className="segments" role="group" aria-label={t('content.views')}>
            {views.map((one) => (
              <button key={one} type="button" aria-pressed={one === view} onClick={() => setChosen(one)}>
                {t(`content.${one}` satisfies MessageKey)}
              </button>
            ))}
          </div>
        )}
        {!isEmpty && (
          <CopyButton text={text ?? content.data} label={t(text === undefined ? 'content.copyBase64' : 'copy')} />
        )}
      </header>
      {content.isRedacted && <p className="note">{t('content.redacted')}</p>}
      {content.isCut && (
        <p className="note">
          {t('content.cut', { shown: format.bytes(bytes.length), bytes: format.bytes(content.bytes) })}{' '}
          {onWhole && (
            <Button look="quiet" onClick={onWhole}>
              {t('content.whole')}
            </Button>
          )}
        </p>
      )}
      {isEmpty && <p className="card-empty">{t('content.empty')}</p>}
      {!isEmpty && view === 'tree' && tree && <JsonTreeView root={tree} label={label} />}
      {!isEmpty && view !== 'tree' && (
        <pre className={`raw raw-${view}`} tabIndex={0} aria-label={label}>
          {view === 'hex' ? hexText(bytes) : view === 'formatted' ? content.formatted : text}
        </pre>
      )}
    </section>
  );
}

function hexText(bytes: Uint8Array): string {
  const lines = hexLines(bytes.subarray(0, HEX_LINES * 16));
  return lines.join('\n') + (bytes.length > HEX_LINES * 16 ? '\n…' : '');
}

function bytesOf({ encoding, data }: Content): Uint8Array {
  return encoding === 'text' ? new TextEncoder().encode(data) : bytesOfBase64(data);
}

/** One line of a content, for lists. */
export function previewOf(content: Content, length = 200): string {
  if (content.formatted !== undefined) return oneLine(content.formatted, length);
  if (content.encoding === 'text') return oneLine(content.data, length);
  const bytes = bytesOfBase64(content.data.slice(0, 88));
  return textOfBytes(bytes) ?? [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}

function oneLine(text: string, length: number): string {
  const points = Array.from(text.slice(0, length * 2)).slice(0, length);
  return points.join('').replaceAll(/\s+/g, ' ');
}
