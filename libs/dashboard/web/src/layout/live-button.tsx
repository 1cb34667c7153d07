import { Pause, Play } from 'lucide-react';
import { useI18n } from '../i18n/i18n.js';
import { Hint } from '../parts/button.js';
import { useLive } from '../server/live.js';
import { changeSettings, useSettings } from '../settings.js';

/** Whether what is seen is live, and the button that stops it. */
export function LiveButton() {
  const { t } = useI18n();
  const { status } = useLive();
  const { refresh } = useSettings();
  const isOff = refresh === 'off';
  return (
    <Hint text={t(isOff ? 'live.resume' : 'live.pause')}>
      <button
        type="button"
        className={`live live-${status}`}
        aria-label={`${t(`live.${status}`)}. ${t(isOff ? 'live.resume' : 'live.pause')}`}
        onClick={() => changeSettings({ refresh: isOff ? 'live' : 'off' })}
      >
        <span className="live-dot" aria-hidden />
        <span className="live-text">{t(`live.${status}`)}</span>
        {isOff ? <Play size={13} aria-hidden /> : <Pause size={13} aria-hidden />}
      </button>
    </Hint>
  );
}
