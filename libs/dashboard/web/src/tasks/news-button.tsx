import { RefreshCw } from 'lucide-react';
import { useI18n } from '../i18n/i18n.js';
import { Button } from '../parts/button.js';
import type { Hold } from './hold.js';
import type { StableRows } from './stable-rows.js';

interface NewsButtonProps {
  readonly rows: Pick<StableRows<unknown>, 'news' | 'gone' | 'isReordered' | 'adopt'>;
  /** Of the list: it must not show the news, and take the button away, while somebody is about to press it. */
  readonly hold: Hold;
}

/** "12 new": what the list would show now; its place is kept free, so that nothing moves when it comes. */
export function NewsButton({ rows, hold }: NewsButtonProps) {
  const { t } = useI18n();
  const parts = [
    rows.news > 0 && t('news.new', { n: rows.news }),
    rows.gone.size > 0 && t('news.gone', { n: rows.gone.size }),
    rows.news === 0 && rows.gone.size === 0 && rows.isReordered && t('news.order'),
  ].filter((part) => part !== false);
  const show = (): void => {
    rows.adopt();
    hold.release();
  };
  return (
    <span className="news" role="status" {...hold.handlers}>
      {parts.length > 0 && (
        <Button look="quiet" icon={<RefreshCw size={14} aria-hidden />} onClick={show}>
          {parts.join(' · ')}
        </Button>
      )}
    </span>
  );
}
