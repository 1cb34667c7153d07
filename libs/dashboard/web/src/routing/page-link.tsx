import type { AnchorHTMLAttributes, MouseEvent, ReactNode } from 'react';
import type { Page } from '../../../src/api/routes.js';
import { go, hrefOf } from './place.js';
import type { Params } from './search-params.js';

interface PageLinkProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'> {
  readonly page: Page;
  readonly params?: Params | undefined;
  readonly replace?: boolean;
  readonly children: ReactNode;
}

/** A link to a page of the dashboard. */
export function PageLink({ page, params, replace = false, onClick, ...rest }: PageLinkProps) {
  const href = hrefOf(page, params);
  const follow = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (event.defaultPrevented || !isPlain) return;
    event.preventDefault();
    go(href, { replace });
  };
  return <a {...rest} href={href} onClick={follow} />;
}
