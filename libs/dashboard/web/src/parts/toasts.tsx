import { Toast } from '@base-ui/react/toast';
import { CircleAlert, CircleCheck, X } from 'lucide-react';
import type { ReactNode } from 'react';
import { useI18n } from '../i18n/i18n.js';

const manager = Toast.createToastManager();

interface Notice {
  readonly title: string;
  readonly text?: string | undefined;
  readonly kind?: 'done' | 'failed';
  readonly action?: { readonly label: string; readonly act: () => void } | undefined;
}

/** Long enough to read, and to undo. */
const SHOWN_MS = 8_000;
const FAILURE_SHOWN_MS = 20_000;

/** Tells the person what came of an action. */
export function notify({ title, text, kind = 'done', action }: Notice): void {
  const id: string = manager.add({
    title,
    description: text,
    type: kind,
    priority: kind === 'failed' ? 'high' : 'low',
    timeout: kind === 'failed' ? FAILURE_SHOWN_MS : SHOWN_MS,
    ...(action && {
      actionProps: {
        children: action.label,
        onClick: () => {
          manager.close(id);
          action.act();
        },
      },
    }),
  });
}

export function ToastProvider({ children }: { readonly children: ReactNode }) {
  return (
    <Toast.Provider toastManager={manager} limit={4}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="toasts">
          <Toasts />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function Toasts() {
  const { t } = useI18n();
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className={`toast toast-${toast.type}`} swipeDirection={['right', 'down']}>
      <Toast.Content className="toast-content">
        {toast.type === 'failed' ? <CircleAlert size={18} aria-hidden /> : <CircleCheck size={18} aria-hidden />}
        <div className="toast-text">
          <Toast.Title className="toast-title" />
          <Toast.Description className="toast-description" />
        </div>
        <Toast.Action className="button button-plain toast-action" />
        <Toast.Close className="icon-button" aria-label={t('close')}>
          <X size={16} aria-hidden />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}
