import {
  CalendarSync,
  CirclePlus,
  Database,
  Ellipsis,
  Keyboard,
  LayoutDashboard,
  Layers,
  type LucideIcon,
  Search,
  Server,
  Settings,
} from 'lucide-react';
import { type ReactNode, useEffect, useRef } from 'react';
import type { Page } from '../../../src/api/routes.js';
import { useDialog } from '../actions/action-host.js';
import { useRights } from '../actions/rights.js';
import { chooseConnection, useConnection } from '../connection.js';
import { useI18n } from '../i18n/i18n.js';
import type { MessageKey } from '../i18n/messages.js';
import { useKeys } from '../keyboard/keys.js';
import { pageConfig } from '../page-config.js';
import { IconButton } from '../parts/button.js';
import { Select } from '../parts/field.js';
import { Menu, MenuItem } from '../parts/menu.js';
import { PageLink } from '../routing/page-link.js';
import { go, hrefOf, mount, usePlace } from '../routing/place.js';
import { liveFeed } from '../server/live.js';
import { queryClient } from '../server/reads.js';
import { KeysDialog } from './keys-dialog.js';
import { LiveButton } from './live-button.js';
import { SearchBox } from './search-box.js';

interface Entry {
  readonly page: Page;
  readonly label: MessageKey;
  readonly icon: LucideIcon;
  /** Second key after `g`. */
  readonly key: string;
}

const ENTRIES: readonly Entry[] = [
  { page: '', label: 'nav.overview', icon: LayoutDashboard, key: 'o' },
  { page: 'tasks', label: 'nav.tasks', icon: Search, key: 't' },
  { page: 'groups', label: 'nav.groups', icon: Layers, key: 'g' },
  { page: 'servers', label: 'nav.servers', icon: Server, key: 's' },
  { page: 'schedules', label: 'nav.schedules', icon: CalendarSync, key: 'c' },
  { page: 'redis', label: 'nav.redis', icon: Database, key: 'r' },
];

/** Those at the foot of a phone; the others are in a menu beside them. */
const ON_PHONE: readonly Page[] = ['', 'tasks', 'servers', 'schedules'];

/** What is around every screen. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const { t } = useI18n();
  const { page } = usePlace();
  const { may, isReadOnly } = useRights();
  const connection = useConnection();
  const openDialog = useDialog();
  const searchBox = useRef<HTMLInputElement>(null);
  const main = useRef<HTMLElement>(null);
  const { environment, connections } = pageConfig;

  const showKeys = (): void => openDialog((close) => <KeysDialog onClose={close} />);
  useKeys({
    '/': () => searchBox.current?.focus(),
    '?': showKeys,
    ...Object.fromEntries(ENTRIES.map((entry) => [`g ${entry.key}`, () => go(hrefOf(entry.page))])),
    ...(may('newTask') && { 'g n': () => go(hrefOf('new')) }),
  });
  useEffect(() => {
    document.documentElement.dataset['environment'] = environment?.color ?? 'none';
  }, [environment]);

  const isCurrent = (entry: Entry): boolean => entry.page === page || (entry.page === '' && page === 'queue');
  const link = (entry: Entry) => (
    <PageLink
      key={entry.page}
      page={entry.page}
      className="nav-link"
      aria-current={isCurrent(entry) ? 'page' : undefined}
    >
      <entry.icon size={18} aria-hidden />
      <span>{t(entry.label)}</span>
    </PageLink>
  );
  const rest = [...ENTRIES.filter((entry) => !ON_PHONE.includes(entry.page))];
  return (
    <div className="shell">
      <button type="button" className="skip" onClick={() => main.current?.focus()}>
        {t('skip')}
      </button>
      <header className="top">
        <PageLink page="" className="brand" aria-label={t('nav.home')}>
          <img src={new URL('icon.svg', mount).pathname} width={26} height={26} alt="" />
          <span>asynq</span>
        </PageLink>
        {environment && <span className="environment">{environment.name}</span>}
        {isReadOnly && <span className="read-only">{t('readOnly')}</span>}
        <SearchBox ref={searchBox} />
        {connections.length > 1 && (
          <Select
            label={t('connection')}
            className="connection"
            value={connection ?? connections[0]!}
            options={connections.map((name) => ({ value: name, label: name }))}
            onChange={(name) => {
              chooseConnection(name);
              queryClient.clear();
              liveFeed.restart();
            }}
          />
        )}
        <LiveButton />
        {may('newTask') && (
          <PageLink page="new" className="button button-plain top-new" aria-label={t('nav.new')}>
            <CirclePlus size={16} aria-hidden />
            <span>{t('nav.new')}</span>
          </PageLink>
        )}
        <IconButton
          label={t('keys.title')}
          className="top-keys"
          icon={<Keyboard size={18} aria-hidden />}
          onClick={showKeys}
        />
        <PageLink page="settings" className="icon-button" aria-label={t('nav.settings')} title={t('nav.settings')}>
          <Settings size={18} aria-hidden />
        </PageLink>
      </header>
      <nav className="side" aria-label={t('nav.label')}>
        <div className="side-links">{ENTRIES.map(link)}</div>
        <p className="side-foot">{pageConfig.version && `@nestjs-asynq/dashboard ${pageConfig.version}`}</p>
      </nav>
      <main ref={main} className="main" tabIndex={-1}>
        {children}
      </main>
      <nav className="bottom" aria-label={t('nav.label')}>
        {ENTRIES.filter((entry) => ON_PHONE.includes(entry.page)).map(link)}
        <Menu
          trigger={
            <button type="button" className="nav-link">
              <Ellipsis size={18} aria-hidden />
              <span>{t('nav.more')}</span>
            </button>
          }
        >
          {rest.map((entry) => (
            <MenuItem
              key={entry.page}
              icon={<entry.icon size={16} aria-hidden />}
              onSelect={() => go(hrefOf(entry.page))}
            >
              {t(entry.label)}
            </MenuItem>
          ))}
          {may('newTask') && (
            <MenuItem icon={<CirclePlus size={16} aria-hidden />} onSelect={() => go(hrefOf('new'))}>
              {t('nav.new')}
            </MenuItem>
          )}
        </Menu>
      </nav>
    </div>
  );
}
