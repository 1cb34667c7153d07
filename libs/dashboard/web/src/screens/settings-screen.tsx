import { useRights } from '../actions/rights.js';
import { useI18n } from '../i18n/i18n.js';
import { PageHead } from '../layout/page-head.js';
import { pageConfig } from '../page-config.js';
import { Choice, Field, Select } from '../parts/field.js';
import { changeSettings, useSettings } from '../settings.js';

/** What a person may choose; it is kept in the browser. */
export function SettingsScreen() {
  const { t } = useI18n();
  const settings = useSettings();
  const { session, isReadOnly } = useRights();
  return (
    <>
      <PageHead name={t('nav.settings')} title={t('nav.settings')} />
      <div className="settings card">
        <Choice
          label={t('settings.theme')}
          value={settings.theme}
          onChange={(theme) => changeSettings({ theme })}
          options={(['system', 'light', 'dark'] as const).map((value) => ({
            value,
            label: t(`settings.theme.${value}`),
          }))}
        />
        <Choice
          label={t('settings.language')}
          value={settings.language}
          onChange={(language) => changeSettings({ language })}
          options={[
            { value: 'system', label: t('settings.language.system') },
            { value: 'en', label: 'English' },
            { value: 'zh', label: '中文' },
          ]}
        />
        <Choice
          label={t('settings.zone')}
          value={settings.zone}
          onChange={(zone) => changeSettings({ zone })}
          options={(['local', 'utc'] as const).map((value) => ({ value, label: t(`settings.zone.${value}`) }))}
        />
        <Field label={t('settings.refresh')} hint={t('settings.refresh.hint')}>
          <Select
            value={settings.refresh}
            onChange={(refresh) => changeSettings({ refresh })}
            options={(['live', '5', '15', '60', 'off'] as const).map((value) => ({
              value,
              label:
                value === 'live' || value === 'off'
                  ? t(`settings.refresh.${value}`)
                  : t('settings.refresh.every', { seconds: value }),
            }))}
          />
        </Field>
        <label className="check">
          <input
            type="checkbox"
            checked={settings.keys === 'on'}
            onChange={(event) => changeSettings({ keys: event.target.checked ? 'on' : 'off' })}
          />
          {t('keys.on')}
        </label>
      </div>
      <dl className="facts card">
        {session?.who !== undefined && (
          <div>
            <dt>{t('settings.who')}</dt>
            <dd>{session.who}</dd>
          </div>
        )}
        {session && (
          <div>
            <dt>{t('settings.right')}</dt>
            <dd>{isReadOnly ? t('readOnly') : t(`right.${session.right}`)}</dd>
          </div>
        )}
        <div>
          <dt>{t('settings.version')}</dt>
          <dd>@nestjs-asynq/dashboard {pageConfig.version}</dd>
        </div>
      </dl>
    </>
  );
}
