import { type ReactNode, useEffect } from 'react';
import { pageConfig } from '../page-config.js';

interface PageHeadProps {
  /** Of the tab of the browser. */
  readonly name: string;
  readonly title: ReactNode;
  readonly children?: ReactNode;
}

/** The title of a screen, and its buttons. */
export function PageHead({ name, title, children }: PageHeadProps) {
  useEffect(() => {
    const { environment } = pageConfig;
    document.title = [name, 'asynq', environment?.name].filter((part) => part !== undefined).join(' · ');
  }, [name]);
  return (
    <div className="page-head">
      <h1>{title}</h1>
      <div className="page-actions">{children}</div>
    </div>
  );
}
