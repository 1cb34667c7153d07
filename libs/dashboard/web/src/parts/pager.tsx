import { ChevronLeft, ChevronRight } from 'lucide-react';
import { useI18n } from '../i18n/i18n.js';
import { changeSettings, useSettings } from '../settings.js';
import { IconButton } from './button.js';
import { Select } from './field.js';

interface PagerProps {
  readonly page: number;
  readonly size: number;
  readonly total: number;
  readonly onPage: (page: number) => void;
}

/** "31–60 of 4,211", the pages around, and how many rows a page has. */
export function Pager({ page, size, total, onPage }: PagerProps) {
  const { t, format } = useI18n();
  const { rows } = useSettings();
  const pages = Math.max(1, Math.ceil(total / size));
  const first = Math.min(total, (page - 1) * size + 1);
  return (
    <nav className="pager" aria-label={t('pager.label')}>
      <span>
        {t('pager.range', {
          first: format.number(first),
          last: format.number(Math.min(total, page * size)),
          total: format.number(total),
        })}
      </span>
      <IconButton
        label={t('pager.previous')}
        icon={<ChevronLeft size={18} aria-hidden />}
        disabled={page <= 1}
        onClick={() => onPage(page - 1)}
      />
      <IconButton
        label={t('pager.next')}
        icon={<ChevronRight size={18} aria-hidden />}
        disabled={page >= pages}
        onClick={() => onPage(page + 1)}
      />
      <Select
        label={t('pager.rows')}
        value={rows}
        onChange={(value) => {
          changeSettings({ rows: value });
          onPage(1);
        }}
        options={(['20', '50', '100', '200'] as const).map((value) => ({
          value,
          label: t('pager.perPage', { rows: value }),
        }))}
      />
    </nav>
  );
}
