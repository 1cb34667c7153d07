import { utc } from '../i18n/format.js';
import { useI18n } from '../i18n/i18n.js';
import { useNowMs } from '../server/server-clock.js';

/** A point in time by its distance from now; the exact one on hover, in UTC too. */
export function Ago({ atMs }: { readonly atMs: number }) {
  const { format } = useI18n();
  const nowMs = useNowMs();
  return (
    <time dateTime={new Date(atMs).toISOString()} title={`${format.exactly(atMs)}\n${utc(atMs)}`}>
      {format.ago(atMs, nowMs)}
    </time>
  );
}

/** A point in time as the person's clock shows it; on hover in UTC. */
export function At({ atMs }: { readonly atMs: number }) {
  const { format } = useI18n();
  return (
    <time dateTime={new Date(atMs).toISOString()} title={`${format.exactly(atMs)}\n${utc(atMs)}`}>
      {format.at(atMs)}
    </time>
  );
}

/** Both, for the details of one thing. */
export function AtAndAgo({ atMs }: { readonly atMs: number }) {
  return (
    <>
      <At atMs={atMs} />{' '}
      <span className="muted">
        (<Ago atMs={atMs} />)
      </span>
    </>
  );
}

/** A length of time that goes on growing. */
export function Since({ atMs }: { readonly atMs: number }) {
  const { format } = useI18n();
  const nowMs = useNowMs();
  return <>{format.duration(Math.max(0, nowMs - atMs))}</>;
}
