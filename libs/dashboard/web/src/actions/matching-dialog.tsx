import { useCallback, useEffect, useRef, useState } from 'react';
import { MATCHING_STATES } from '../../../src/api/allowed-states.js';
import { commands } from '../../../src/api/commands.js';
import { WRITES } from '../../../src/api/routes.js';
import type { ActMatchingRequest, MatchingLine, MatchingReport, SearchFilter } from '../../../src/api/search.js';
import type { CancelOutcome } from '../../../src/api/tasks.js';
import { useI18n } from '../i18n/i18n.js';
import { Button } from '../parts/button.js';
import { CommandLine } from '../parts/copy.js';
import { Dialog } from '../parts/dialog.js';
import { Choice } from '../parts/field.js';
import { ProgressBar } from '../parts/progress-bar.js';
import { StateBadge } from '../parts/state-marks.js';
import { Failure } from '../parts/states.js';
import { readAgain } from '../server/reads.js';
import { RequestError, writeForLines } from '../server/requests.js';
import { ConfirmCount, isCount } from './confirm-count.js';
import { OutcomeField } from './outcome-field.js';
import { useRights } from './rights.js';

type Action = 'run' | 'archive' | 'delete' | 'cancel';

type Stage =
  | { readonly name: 'asking' }
  | { readonly name: 'counting' | 'acting'; readonly done: number; readonly total: number }
  | { readonly name: 'counted'; readonly report: MatchingReport }
  | { readonly name: 'ended'; readonly report: MatchingReport | undefined; readonly problem?: string | undefined }
  /** Stopped by the person: what was done so far stays done. */
  | { readonly name: 'stopped'; readonly done: number };

interface MatchingDialogProps {
  readonly filter: SearchFilter;
  readonly onClose: () => void;
}

/** Acts on all tasks that match: first counts them, asks, then acts with progress, and reports. */
export function MatchingDialog({ filter, onClose }: MatchingDialogProps) {
  const { t, format } = useI18n();
  const { may } = useRights();
  const states = filter.state ?? [];
  const isPossible = (one: Action): boolean =>
    may(one) && (states.length === 0 || states.some((state) => MATCHING_STATES[one].includes(state)));
  const possible = (['run', 'archive', 'delete', 'cancel'] as const).filter(isPossible);
  const [action, setAction] = useState<Action>(possible[0] ?? 'run');
  const [outcome, setOutcome] = useState<CancelOutcome>('retry');
  const [stage, setStage] = useState<Stage>({ name: 'asking' });
  const [error, setError] = useState<RequestError>();
  const [typed, setTyped] = useState('');
  const work = useRef<AbortController>(undefined);
  useEffect(() => () => work.current?.abort(), []);

  const send = useCallback(
    async (options: { readonly dryRun: true } | { readonly confirmed: number }): Promise<void> => {
      const isDry = 'dryRun' in options;
      const controller = new AbortController();
      work.current = controller;
      setError(undefined);
      setStage({ name: isDry ? 'counting' : 'acting', done: 0, total: 0 });
      const what = action === 'cancel' ? { action, outcome } : { action };
      const request: ActMatchingRequest = { filter, ...options, ...what };
      let done = 0;
      try {
        for await (const line of writeForLines<MatchingLine>(WRITES.actMatching, request, controller.signal)) {
          if (line.kind === 'progress') {
            done = line.phase === 'acting' ? line.done : done;
            setStage({ name: line.phase, done: line.done, total: line.total });
          } else if (line.kind === 'error') {
            setStage({ name: 'ended', report: line.report, problem: line.message });
          } else {
            setStage(isDry ? { name: 'counted', report: line.report } : { name: 'ended', report: line.report });
          }
        }
      } catch (failed) {
        if (controller.signal.aborted) setStage(isDry ? { name: 'asking' } : { name: 'stopped', done });
        else if (failed instanceof RequestError) {
          setError(failed);
          setStage({ name: 'asking' });
        } else throw failed;
      }
      if (!isDry) void readAgain();
    },
    [action, outcome, filter],
  );

  const isBusy = stage.name === 'counting' || stage.name === 'acting';
  const report = stage.name === 'counted' || stage.name === 'ended' ? stage.report : undefined;
  const count = stage.name === 'counted' ? actable(stage.report) : 0;
  const destroys = action === 'delete' || (action === 'cancel' && outcome === 'delete');
  const isConfirmed = !(destroys && count > 1) || isCount(typed, count);
  const submit = (): void => {
    if (stage.name === 'asking') void send({ dryRun: true });
    else if (stage.name === 'counted' && count > 0 && isConfirmed) void send({ confirmed: stage.report.matched });
  };
  const back = (): void => {
    setTyped('');
    setStage({ name: 'asking' });
  };

  return (
    <Dialog
      title={t('matching.title')}
      onClose={onClose}
      isBusy={isBusy}
      onSubmit={submit}
      isWide
      foot={
        <>
          {stage.name === 'counted' && <Button onClick={back}>{t('back')}</Button>}
          <span className="gap" />
          {isBusy && <Button onClick={() => work.current?.abort()}>{t('stop')}</Button>}
          {stage.name === 'asking' && (
            <>
              <Button onClick={onClose}>{t('dialog.cancel')}</Button>
              <Button type="submit" look="primary" disabled={possible.length === 0}>
                {t('matching.count')}
              </Button>
            </>
          )}
          {stage.name === 'counted' && (
            <>
              <Button onClick={onClose}>{t('dialog.cancel')}</Button>
              <Button type="submit" look={destroys ? 'danger' : 'primary'} disabled={count === 0 || !isConfirmed}>
                {t(`do.${action}`, { n: count })}
              </Button>
            </>
          )}
          {(stage.name === 'ended' || stage.name === 'stopped') && (
            <Button look="primary" onClick={onClose}>
              {t('close')}
            </Button>
          )}
        </>
      }
    >
      <FilterWords filter={filter} />
      {stage.name === 'asking' && (
        <>
          <Choice
            label={t('matching.action')}
            value={action}
            onChange={setAction}
            options={possible.map((value) => ({ value, label: t(`act.${value}`), hint: t(`ask.${value}.text`) }))}
          />
          {action === 'cancel' && <OutcomeField value={outcome} onChange={setOutcome} />}
          <p className="ask-text">{t('matching.first')}</p>
          {error && <Failure error={error} />}
        </>
      )}
      {isBusy && (
        <div className="work" role="status">
          <p>{t(`matching.${stage.name}`, { done: stage.done, total: stage.total })}</p>
          <ProgressBar
            share={stage.total > 0 ? stage.done / stage.total : undefined}
            label={t(`matching.${stage.name}`, { done: stage.done, total: stage.total })}
          />
        </div>
      )}
      {stage.name === 'counted' && (
        <>
          <p className="big-count">{t(`matching.counted.${action}`, { n: count })}</p>
          {count > 0 && <p className="ask-text">{t(`ask.${action}.text`)}</p>}
        </>
      )}
      {stage.name === 'stopped' && <p>{t('matching.stopped', { n: stage.done })}</p>}
      {stage.name === 'ended' && (
        <>
          {stage.problem !== undefined && <p className="warn-text">{stage.problem}</p>}
          <p className="big-count">{t(`done.${action}`, { n: report?.done ?? 0 })}</p>
          {report && hadLeft(report) > 0 && <p>{t('matching.skipped', { n: hadLeft(report) })}</p>}
        </>
      )}
      {report && report.parts.length > 0 && (
        <div className="parts" tabIndex={0} role="region" aria-label={t('matching.parts')}>
          <table className="table">
            <thead>
              <tr>
                <th>{t('queue')}</th>
                <th>{t('task.state')}</th>
                <th className="number">{t('matching.matched')}</th>
                {stage.name === 'ended' && <th className="number">{t('matching.done')}</th>}
                <th>{t('matching.problem')}</th>
              </tr>
            </thead>
            <tbody>
              {report.parts.map((part) => (
                <tr key={JSON.stringify([part.queue, part.state, part.group])}>
                  <td>
                    {part.queue}
                    {part.group !== undefined && <span className="muted"> · {part.group}</span>}
                  </td>
                  <td>
                    <StateBadge state={part.state} />
                  </td>
                  <td className="number">{format.number(part.matched)}</td>
                  {stage.name === 'ended' && <td className="number">{format.number(part.done)}</td>}
                  <td className="warn-text">{part.problem ?? ''}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {stage.name === 'counted' && destroys && count > 1 && (
        <ConfirmCount count={count} value={typed} onChange={setTyped} />
      )}
      {stage.name === 'counted' && action !== 'cancel' && <CommandLine command={commands.search(filter, action)} />}
    </Dialog>
  );
}

/** Those that match and allow the action. */
function actable({ parts, matched }: MatchingReport): number {
  if (parts.length === 0) return matched;
  return parts.reduce((sum, part) => sum + (part.problem === undefined ? part.matched : 0), 0);
}

/** Those that were not where they should have been, when it was their turn; why others were left out is in the parts. */
function hadLeft({ parts, skipped }: MatchingReport): number {
  return skipped - parts.reduce((sum, part) => sum + (part.problem === undefined ? 0 : part.matched - part.done), 0);
}

/** The filter as a list: what will be acted on is said once more. */
function FilterWords({ filter }: { readonly filter: SearchFilter }) {
  const { t, format } = useI18n();
  const { fromMs, toMs, ...texts } = filter;
  const rows = Object.entries(texts).filter(([, value]) => value !== undefined && value.length > 0);
  return (
    <dl className="filter-words">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{t(`filter.${name as keyof typeof texts}`)}</dt>
          <dd>
            {name === 'state'
              ? (value as SearchFilter['state'])!.map((state) => <StateBadge key={state} state={state} />)
              : [value].flat().join(', ')}
          </dd>
        </div>
      ))}
      {fromMs !== undefined && (
        <div>
          <dt>{t('filter.from')}</dt>
          <dd>{format.exactly(fromMs)}</dd>
        </div>
      )}
      {toMs !== undefined && (
        <div>
          <dt>{t('filter.to')}</dt>
          <dd>{format.exactly(toMs)}</dd>
        </div>
      )}
      {rows.length === 0 && fromMs === undefined && toMs === undefined && (
        <div>
          <dt>{t('matching.all')}</dt>
        </div>
      )}
    </dl>
  );
}
