import { TriangleAlert } from 'lucide-react';
import type { Trouble } from '../../../../src/api/queues.js';
import { type I18n, useI18n } from '../../i18n/i18n.js';

/** A trouble in words. */
export function troubleText(trouble: Trouble, { t, format }: Pick<I18n, 't' | 'format'>): string {
  switch (trouble.code) {
    case 'unserved':
      return t('trouble.unserved', { n: trouble.count });
    case 'waiting':
      return t('trouble.waiting', { time: format.duration(trouble.forMs) });
    case 'overdue':
      return t('trouble.overdue', { time: format.duration(trouble.forMs) });
    case 'paused':
      return trouble.forMs === undefined
        ? t('trouble.paused')
        : t('trouble.pausedFor', { time: format.duration(trouble.forMs) });
    case 'failing':
      return t('trouble.failing', { share: format.percent(trouble.share) });
    case 'archived':
      return t('trouble.archived', { n: trouble.count });
    case 'wrongType':
      return t('trouble.wrongType', { keys: trouble.keys.join(', ') });
    case 'unread':
    default:
      return t('trouble.unread', { message: trouble.message });
  }
}

export function TroubleWords({ troubles }: { readonly troubles: readonly Trouble[] }) {
  const i18n = useI18n();
  if (troubles.length === 0) return null;
  return (
    <ul className="troubles" aria-label={i18n.t('troubles')}>
      {troubles.map((trouble) => (
        <li key={trouble.code} className={`trouble trouble-${trouble.severity}`}>
          {trouble.severity === 'high' && <TriangleAlert size={13} aria-hidden />}
          {troubleText(trouble, i18n)}
        </li>
      ))}
    </ul>
  );
}
