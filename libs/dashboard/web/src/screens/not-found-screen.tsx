import { MapPinOff } from 'lucide-react';
import { useI18n } from '../i18n/i18n.js';
import { PageHead } from '../layout/page-head.js';
import { Empty } from '../parts/states.js';
import { PageLink } from '../routing/page-link.js';

export function NotFoundScreen() {
  const { t } = useI18n();
  return (
    <>
      <PageHead name={t('notFound')} title={t('notFound')} />
      <Empty icon={MapPinOff} title={t('notFound.text')}>
        <PageLink page="">{t('nav.overview')}</PageLink>
      </Empty>
    </>
  );
}
