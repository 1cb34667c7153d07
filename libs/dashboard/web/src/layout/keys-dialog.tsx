import { useI18n } from '../i18n/i18n.js';
import type { MessageKey } from '../i18n/messages.js';
import { Dialog } from '../parts/dialog.js';
import { changeSettings, useSettings } from '../settings.js';

const KEYS: readonly (readonly [keys: string, meaning: MessageKey])[] = [
  ['/', 'keys.search'],
  ['j', 'keys.down'],
  ['k', 'keys.up'],
  ['Enter', 'keys.open'],
  ['x', 'keys.select'],
  ['Esc', 'keys.clear'],
  ['g o', 'nav.overview'],
  ['g t', 'nav.tasks'],
  ['g g', 'nav.groups'],
  ['g s', 'nav.servers'],
  ['g c', 'nav.schedules'],
  ['g r', 'nav.redis'],
  ['g n', 'nav.new'],
  ['?', 'keys.help'],
];

export function KeysDialog({ onClose }: { readonly onClose: () => void }) {
  const { t } = useI18n();
  const { keys } = useSettings();
  return (
    <Dialog title={t('keys.title')} onClose={onClose}>
      <dl className="keys">
        {KEYS.map(([shown, meaning]) => (
          <div key={shown}>
            <dt>
              {shown.split(' ').map((key) => (
                <kbd key={key + shown}>{key}</kbd>
              ))}
            </dt>
            <dd>{t(meaning)}</dd>
          </div>
        ))}
      </dl>
      <label className="check">
        <input
          type="checkbox"
          checked={keys === 'on'}
          onChange={(event) => changeSettings({ keys: event.target.checked ? 'on' : 'off' })}
        />
        {t('keys.on')}
      </label>
    </Dialog>
  );
}
