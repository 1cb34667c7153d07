import { RefreshCw } from 'lucide-react';
import { useI18n } from '../i18n/i18n.js';
import { Button } from '../parts/button.js';
import type { StableRows } from './stable-rows.js';

/** "12 new": what the list would show now; its place is kept free, so that nothing moves when it comes. */
export function NewsButton({
  rows,
}: {
  readonly rows: Pick<StableRows<unknown>, 'news' | 'gone' | 'isReordered' | 'adopt'>;
}) {
  const { t } = useI18n();
  const parts = [
    rows.news > 0 && t('news.new', { n: rows.news }),
    rows.gone.size > 0 && t('news.gone', { n: rows.gone.size }),
    rows.news === 0 && rows.gone.size === 0 && rows.isReordered && t('news.order'),
  ].filter((part) => part !== false);
  return (
    <span className="news" role="status">
      {parts.length > 0 && (
        <Button look="quiet" icon={<RefreshCw size={14} aria-hidden />} onClick={rows.adopt}>
          {parts.join(' · ')}
        </Button>
      )}
    </span>
  );
}
