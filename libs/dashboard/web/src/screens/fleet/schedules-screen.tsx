import { CalendarX2, EllipsisVertical, History } from 'lucide-react';
import { useState } from 'react';
import { commands } from '../../../../src/api/commands.js';
import type { ScheduleHistory, ScheduleRow, SchedulesAnswer } from '../../../../src/api/fleet.js';
import { READS } from '../../../../src/api/routes.js';
import { useDialog } from '../../actions/action-host.js';
import { ScheduleActionItems, useScheduleRights } from '../../actions/schedule-actions.js';
import { previewOf } from '../../exact/content-view.js';
import { useI18n } from '../../i18n/i18n.js';
import { PageHead } from '../../layout/page-head.js';
import { Button, IconButton } from '../../parts/button.js';
import { CommandLine } from '../../parts/copy.js';
import { Dialog } from '../../parts/dialog.js';
import { Select } from '../../parts/field.js';
import { Menu } from '../../parts/menu.js';
import { Empty, Loaded } from '../../parts/states.js';
import { Ago, AtAndAgo } from '../../parts/time.js';
import { PageLink } from '../../routing/page-link.js';
import { useRead } from '../../server/reads.js';
import { Warnings } from '../overview/warnings.js';

/** The periodic tasks: when they run next, and when they ran last. */
export function SchedulesScreen() {
  const { t } = useI18n();
  const schedules = useRead<SchedulesAnswer>(READS.schedules);
  return (
    <>
      <PageHead name={t('nav.schedules')} title={t('nav.schedules')} />
      <Warnings warnings={(schedules.data?.warnings ?? []).filter(({ code }) => code !== 'noServers')} />
      <Loaded query={schedules} lines={8}>
        {({ schedules: rows }) =>
          rows.length === 0 ? (
            <Empty icon={CalendarX2} title={t('schedules.none')}>
              {t('schedules.none.do')}
            </Empty>
          ) : (
            <div className="table-box">
              <table className="table" aria-label={t('nav.schedules')}>
                <thead>
                  <tr>
                    <th>{t('schedule')}</th>
                    <th>{t('schedule.spec')}</th>
                    <th className="from-wide">{t('queue')}</th>
                    <th className="cell-payload from-wide">{t('task.payload')}</th>
                    <th>{t('schedule.next')}</th>
                    <th className="from-wide">{t('schedule.last')}</th>
                    <th className="cell-menu-2">
                      <span className="hidden-text">{t('actions')}</span>
                    </th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map((schedule) => (
                    <Row key={JSON.stringify([schedule.queue, schedule.name, schedule.entryIds])} schedule={schedule} />
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Loaded>
      <CommandLine command={commands.schedules()} />
    </>
  );
}

function Row({ schedule }: { readonly schedule: ScheduleRow }) {
  const { t } = useI18n();
  const openDialog = useDialog();
  const { canOperate, canDelete } = useScheduleRights()(schedule);
  const { name, queue, spec, type, payload, options, isPaused, nextAtMs, lastAtMs, schedulers, entryIds } = schedule;
  const title = name ?? type;
  return (
    <tr>
      <td className="cell-task">
        <span className="task-type">{title}</span>
        {title !== type && <span className="task-id">{type}</span>}
        {isPaused && <span className="trouble trouble-medium">{t('schedule.paused')}</span>}
        {schedulers === 0 && <span className="trouble trouble-high">{t('schedule.nobody')}</span>}
        {name === undefined && <span className="trouble trouble-low">{t('schedule.go')}</span>}
      </td>
      <td>
        <code className="spec">{spec}</code>
        {options.length > 0 && <div className="muted small options from-wide">{options.join(' ')}</div>}
      </td>
      <td className="from-wide">
        <PageLink page="queue" params={{ queue }}>
          {queue}
        </PageLink>
      </td>
      <td className="cell-payload from-wide">{payload && <code className="preview">{previewOf(payload)}</code>}</td>
      <td>{nextAtMs === undefined ? t('schedule.never') : isPaused ? '–' : <Ago atMs={nextAtMs} />}</td>
      <td className="from-wide">{lastAtMs === undefined ? '–' : <Ago atMs={lastAtMs} />}</td>
      <td className="cell-menu-2">
        {entryIds.length > 0 && (
          <IconButton
            label={t('schedule.history', { name: title })}
            icon={<History size={17} aria-hidden />}
            onClick={() => openDialog((close) => <HistoryDialog schedule={schedule} onClose={close} />)}
          />
        )}
        {(canOperate || canDelete) && (
          <Menu
            trigger={
              <button type="button" className="icon-button" aria-label={t('actions.of', { name: title })}>
                <EllipsisVertical size={17} aria-hidden />
              </button>
            }
          >
            <ScheduleActionItems schedule={schedule} />
          </Menu>
        )}
      </td>
    </tr>
  );
}

function HistoryDialog({ schedule, onClose }: { readonly schedule: ScheduleRow; readonly onClose: () => void }) {
  const { t } = useI18n();
  const { queue, entryIds, name, type } = schedule;
  const [entry, setEntry] = useState(entryIds[0]!);
  const [page, setPage] = useState(1);
  const history = useRead<ScheduleHistory>(
    READS.scheduleHistory,
    { queue, entry, page, size: 20 },
    { keepsPrevious: true },
  );
  return (
    <Dialog title={t('schedule.history', { name: name ?? type })} onClose={onClose}>
      {entryIds.length > 1 && (
        <Select
          label={t('schedule.scheduler')}
          value={entry}
          onChange={(value) => {
            setEntry(value);
            setPage(1);
          }}
          options={entryIds.map((value, nth) => ({ value, label: `${t('schedule.scheduler')} ${nth + 1}` }))}
        />
      )}
      <Loaded query={history} lines={5}>
        {({ events, hasMore }) =>
          events.length === 0 ? (
            <p className="muted">{t('schedule.noHistory')}</p>
          ) : (
            <>
              <ul className="events">
                {events.map(({ taskId, enqueuedAtMs }) => (
                  <li key={`${taskId} ${enqueuedAtMs}`}>
                    <AtAndAgo atMs={enqueuedAtMs} />
                    <PageLink page="task" params={{ queue, id: taskId }} onClick={onClose}>
                      <code>{taskId}</code>
                    </PageLink>
                  </li>
                ))}
              </ul>
              {(hasMore || page > 1) && (
                <div className="steps">
                  <Button look="quiet" disabled={page === 1} onClick={() => setPage(page - 1)}>
                    {t('pager.previous')}
                  </Button>
                  <Button look="quiet" disabled={!hasMore} onClick={() => setPage(page + 1)}>
                    {t('pager.next')}
                  </Button>
                </div>
              )}
            </>
          )
        }
      </Loaded>
      <CommandLine command={commands.scheduleHistory(entry)} />
    </Dialog>
  );
}
