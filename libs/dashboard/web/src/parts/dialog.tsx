import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import type { FormEvent, ReactNode } from 'react';
import { useI18n } from '../i18n/i18n.js';
import { Button } from './button.js';

interface DialogProps {
  readonly title: string;
  readonly children: ReactNode;
  readonly onClose: () => void;
  /** Buttons at its foot. */
  readonly foot?: ReactNode;
  /** The dialog is a form, and this is what it does. */
  readonly onSubmit?: (() => void) | undefined;
  readonly isWide?: boolean;
  /** Work is under way: it is not closed by Escape or a click beside it. */
  readonly isBusy?: boolean;
}

/** A modal dialog, open as long as it is rendered. */
export function Dialog({ title, children, onClose, foot, onSubmit, isWide = false, isBusy = false }: DialogProps) {
  const { t } = useI18n();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    event.stopPropagation();
    onSubmit?.();
  };
  const content = (
    <>
      <div className="dialog-head">
        <Base.Title className="dialog-title">{title}</Base.Title>
        {!isBusy && (
          <Base.Close className="icon-button" aria-label={t('close')}>
            <X size={18} aria-hidden />
          </Base.Close>
        )}
      </div>
      <div className="dialog-body">{children}</div>
      {foot !== undefined && <div className="dialog-foot">{foot}</div>}
    </>
  );
  return (
    <Base.Root open onOpenChange={(isOpen) => !isOpen && !isBusy && onClose()} disablePointerDismissal={isBusy}>
      <Base.Portal>
        <Base.Backdrop className="backdrop" />
        <Base.Popup className={`dialog ${isWide ? 'dialog-wide' : ''}`}>
          {onSubmit ? (
            <form className="dialog-form" onSubmit={submit} noValidate>
              {content}
            </form>
          ) : (
            content
          )}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

interface DialogFootProps {
  readonly onClose: () => void;
  readonly act: string;
  readonly look?: 'primary' | 'danger';
  readonly isDisabled?: boolean;
  /** On the button that does nothing. Default "Cancel". */
  readonly dismiss?: string;
  /** Further buttons, at the other end. */
  readonly children?: ReactNode;
}

/** "Cancel" and the button that submits the dialog. */
export function DialogFoot({ onClose, act, look = 'primary', isDisabled = false, dismiss, children }: DialogFootProps) {
  const { t } = useI18n();
  return (
    <>
      {children}
      <span className="gap" />
      <Button onClick={onClose}>{dismiss ?? t('dialog.cancel')}</Button>
      <Button type="submit" look={look} disabled={isDisabled}>
        {act}
      </Button>
    </>
  );
}
