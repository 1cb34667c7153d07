import { useI18n } from '../i18n/i18n.js';

/** How far work has come; without `share` nobody knows. */
export function ProgressBar({ share, label }: { readonly share: number | undefined; readonly label: string }) {
  const { format } = useI18n();
  const percent = share === undefined ? undefined : Math.min(100, Math.max(0, share * 100));
  return (
    <div
      className={`progress ${percent === undefined ? 'progress-unknown' : ''}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      {...(percent !== undefined && {
        'aria-valuenow': Math.round(percent),
        'aria-valuetext': format.percent(percent / 100),
      })}
    >
      <span style={{ width: `${percent ?? 30}%` }} />
    </div>
  );
}
