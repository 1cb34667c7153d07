import { TriangleAlert } from 'lucide-react';
import type { Warning } from '../../../../src/api/queues.js';
import { type I18n, useI18n } from '../../i18n/i18n.js';
import { PageLink } from '../../routing/page-link.js';

/** What is wrong with the whole. */
export function Warnings({ warnings }: { readonly warnings: readonly Warning[] }) {
  const i18n = useI18n();
  return warnings.map((warning) => (
    <div key={JSON.stringify(warning)} className="warning" role="status">
      <TriangleAlert size={17} aria-hidden />
      <span>{warningText(warning, i18n)}</span>
      {warning.code === 'redisEvicts' && <PageLink page="redis">{i18n.t('nav.redis')}</PageLink>}
    </div>
  ));
}

function warningText(warning: Warning, { t }: I18n): string {
  switch (warning.code) {
    case 'noServers':
      return t('warning.noServers');
    case 'redisUnreachable':
      return t('warning.redisUnreachable', { message: warning.message });
    case 'partMissing':
      return t('warning.partMissing', { part: warning.part, message: warning.message });
    case 'redisEvicts':
    default:
      return t('warning.redisEvicts', { policy: warning.policy });
  }
}
