import { Check, Copy, SquareTerminal } from 'lucide-react';
import { useEffect, useState } from 'react';
import { useI18n } from '../i18n/i18n.js';
import { IconButton } from './button.js';
import { notify } from './toasts.js';

const SHOWN_MS = 1_500;

/** Copies text, also on pages without TLS, where browsers have no clipboard for scripts. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'copy-field';
  field.readOnly = true;
  // Inside of a dialog: outside of it the focus is taken back.
  (document.querySelector('[role="dialog"]') ?? document.body).append(field);
  const focused = document.activeElement;
  field.select();
  const isCopied = document.execCommand('copy');
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}

interface CopyButtonProps {
  readonly text: string;
  readonly label: string;
}

export function CopyButton({ text, label }: CopyButtonProps) {
  const { t } = useI18n();
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isCopied]);
  const copy = async (): Promise<void> => {
    if (await copyText(text)) setCopied(true);
    else notify({ kind: 'failed', title: t('copy.failed') });
  };
  return (
    <IconButton
      label={isCopied ? t('copy.done') : label}
      className="copy-button"
      icon={isCopied ? <Check size={15} aria-hidden /> : <Copy size={15} aria-hidden />}
      onClick={(event) => {
        event.stopPropagation();
        void copy();
      }}
    />
  );
}

/** The command that does what the screen does. */
export function CommandLine({ command }: { readonly command: string | undefined }) {
  const { t } = useI18n();
  if (command === undefined) return null;
  return (
    <div className="command">
      <SquareTerminal size={16} aria-hidden />
      <span className="hidden-text">{t('command.label')}</span>
      <code tabIndex={0}>{command}</code>
      <CopyButton text={command} label={t('command.copy')} />
    </div>
  );
}
