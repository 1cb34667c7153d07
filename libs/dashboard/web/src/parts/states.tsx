import type { UseQueryResult } from '@tanstack/react-query';
import { CircleAlert, type LucideIcon } from 'lucide-react';
import type { ReactNode } from 'react';
import { useErrorText } from '../server/error-text.js';
import type { RequestError } from '../server/requests.js';
import { useI18n } from '../i18n/i18n.js';
import { Button } from './button.js';

interface EmptyProps {
  readonly icon: LucideIcon;
  readonly title: string;
  /** What to do about it. */
  readonly children?: ReactNode;
}

export function Empty({ icon: Icon, title, children }: EmptyProps) {
  return (
    <div className="empty">
      <Icon size={28} strokeWidth={1.5} aria-hidden />
      <p className="empty-title">{title}</p>
      {children !== undefined && <div className="empty-text">{children}</div>}
    </div>
  );
}

/** What went wrong, what to do, and a button to try again. */
export function Failure({ error, onRetry }: { readonly error: RequestError; readonly onRetry?: () => void }) {
  const { t } = useI18n();
  const { title, text } = useErrorText()(error);
  return (
    <div className="failure" role="alert">
      <CircleAlert size={20} aria-hidden />
      <div>
        <p className="failure-title">{title}</p>
        {text !== undefined && <p className="failure-text">{text}</p>}
      </div>
      {onRetry && <Button onClick={onRetry}>{t('retry')}</Button>}
    </div>
  );
}

/** Grey lines in place of what is being read, so that nothing jumps when it comes. */
export function Skeleton({ lines = 8 }: { readonly lines?: number }) {
  const { t } = useI18n();
  return (
    <div className="skeleton" role="status">
      <span className="hidden-text">{t('loading')}</span>
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} className="skeleton-line" />
      ))}
    </div>
  );
}

interface LoadedProps<Answer> {
  readonly query: UseQueryResult<Answer, RequestError>;
  readonly lines?: number;
  readonly children: (answer: Answer) => ReactNode;
}

/** What was read, a placeholder until then; after a failure the last answer under a note. */
export function Loaded<Answer>({ query, lines, children }: LoadedProps<Answer>) {
  const { data, error, refetch } = query;
  return (
    <>
      {error && <Failure error={error} onRetry={() => void refetch()} />}
      {data !== undefined ? children(data) : !error && <Skeleton {...(lines !== undefined && { lines })} />}
    </>
  );
}
