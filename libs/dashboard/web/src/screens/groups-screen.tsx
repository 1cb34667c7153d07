import { Layers } from 'lucide-react';
import { useState } from 'react';
import { commands } from '../../../src/api/commands.js';
import type { GroupPage, QueuePage } from '../../../src/api/queues.js';
import { READS } from '../../../src/api/routes.js';
import { useI18n } from '../i18n/i18n.js';
import { useListKeys } from '../keyboard/list-keys.js';
import { PageHead } from '../layout/page-head.js';
import { CommandLine } from '../parts/copy.js';
import { Field, Select } from '../parts/field.js';
import { Pager } from '../parts/pager.js';
import { Empty, Loaded } from '../parts/states.js';
import { PageLink } from '../routing/page-link.js';
import { go, hrefOf, usePlace } from '../routing/place.js';
import { useRead } from '../server/reads.js';
import { useSettings } from '../settings.js';

/** The groups of tasks that wait to be aggregated, queue by queue. */
export function GroupsScreen() {
  const { t } = useI18n();
  const { params } = usePlace();
  const queues = useRead<QueuePage>(READS.queues, { sort: 'aggregating', size: 200 });
  const chosen = params.get('queue') ?? undefined;
  return (
    <>
      <PageHead name={t('nav.groups')} title={t('nav.groups')} />
      <Loaded query={queues} lines={6}>
        {(answer) => {
          const withGroups = answer.queues.filter(
            (row) => row.groups > 0 || row.counts.aggregating > 0 || row.queue === chosen,
          );
          const queue = chosen ?? withGroups[0]?.queue;
          if (queue === undefined)
            return (
              <Empty icon={Layers} title={t('groups.none')}>
                {t('groups.none.do')}
              </Empty>
            );
          const names = [...new Set([queue, ...withGroups.map((row) => row.queue)])].sort();
          return <GroupsOf key={queue} queue={queue} queues={names} />;
        }}
      </Loaded>
    </>
  );
}

function GroupsOf({ queue, queues }: { readonly queue: string; readonly queues: readonly string[] }) {
  const { t, format } = useI18n();
  const { rows: size } = useSettings();
  const { params } = usePlace();
  const page = Number(params.get('page') ?? 1);
  const [name, setName] = useState('');
  const groups = useRead<GroupPage>(READS.groups, { queue, page, size, name: name.trim() }, { keepsPrevious: true });
  const list = useListKeys<HTMLTableElement>();
  const most = Math.max(1, ...(groups.data?.groups ?? []).map((group) => group.size));
  return (
    <>
      <div className="toolbar toolbar-fields">
        <Field label={t('queue')}>
          <Select
            value={queue}
            onChange={(next) => go(hrefOf('groups', { queue: next }), { replace: true })}
            options={queues.map((value) => ({ value, label: value }))}
          />
        </Field>
        <Field label={t('groups.filter')}>
          <input
            className="input"
            type="search"
            value={name}
            onChange={(event) => {
              setName(event.target.value);
              if (page > 1) go(hrefOf('groups', { queue }), { replace: true });
            }}
          />
        </Field>
      </div>
      <Loaded query={groups} lines={6}>
        {({ total, groups: shown }) =>
          total === 0 ? (
            <Empty icon={Layers} title={t(name.trim() === '' ? 'groups.none' : 'groups.noMatch')}>
              {t('groups.none.do')}
            </Empty>
          ) : (
            <>
              <div className="table-box">
                <table ref={list} className="table" aria-label={t('groups.of', { queue })}>
                  <thead>
                    <tr>
                      <th>{t('group')}</th>
                      <th className="number">{t('groups.size')}</th>
                      <th className="cell-meter">
                        <span className="hidden-text">{t('groups.share')}</span>
                      </th>
                    </tr>
                  </thead>
                  <tbody>
                    {shown.map(({ group, size: count }) => (
                      <tr key={group}>
                        <td>
                          <PageLink page="queue" params={{ queue, state: 'aggregating', group }} data-row>
                            {group}
                          </PageLink>
                        </td>
                        <td className="number">{format.number(count)}</td>
                        <td className="cell-meter">
                          <span className="meter" style={{ width: `${(count / most) * 100}%` }} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
              <Pager
                page={page}
                size={Number(size)}
                total={total}
                onPage={(next) => go(hrefOf('groups', { queue, page: next === 1 ? undefined : next }))}
              />
            </>
          )
        }
      </Loaded>
      <CommandLine command={commands.groups(queue)} />
    </>
  );
}
