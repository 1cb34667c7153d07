import { Component, type ReactNode } from 'react';
import { useI18n } from './i18n/i18n.js';
import { Button } from './parts/button.js';

interface State {
  readonly error: Error | undefined;
}

/** Shows what is wrong when a screen cannot be drawn; the rest of the page goes on. */
export class ErrorBoundary extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { error: undefined };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error ? <Broken error={error} /> : this.props.children;
  }
}

function Broken({ error }: { readonly error: Error }) {
  const { t } = useI18n();
  return (
    <div className="failure" role="alert">
      <div>
        <p className="failure-title">{t('error.broken')}</p>
        <p className="failure-text">{error.message}</p>
      </div>
      <Button onClick={() => location.reload()}>{t('error.reload')}</Button>
    </div>
  );
}
