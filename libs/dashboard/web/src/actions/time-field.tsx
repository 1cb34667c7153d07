import { useState } from 'react';
import { utc } from '../i18n/format.js';
import { useI18n } from '../i18n/i18n.js';
import { Button } from '../parts/button.js';
import { Field } from '../parts/field.js';
import { serverNowMs } from '../server/server-clock.js';

interface TimeFieldProps {
  readonly label: string;
  /** `undefined`: none, or not a time. */
  readonly value: number | undefined;
  readonly onChange: (atMs: number | undefined) => void;
}

const STEPS_MS = [60_000, 600_000, 3_600_000, 86_400_000];

/** A point in time by the person's clock, with what it is from now and in UTC. */
export function TimeField({ label, value, onChange }: TimeFieldProps) {
  const { t, format } = useI18n();
  const [text, setText] = useState(() => (value === undefined ? '' : localText(value)));
  const set = (atMs: number): void => {
    setText(localText(atMs));
    onChange(atMs);
  };
  return (
    <div>
      <Field
        label={label}
        hint={
          value === undefined
            ? t('time.local')
            : `${format.ago(value, serverNowMs())} · ${utc(value).replace('.000', '')}`
        }
      >
        <input
          className="input"
          type="datetime-local"
          step={1}
          value={text}
          onChange={(event) => {
            const { value: changed } = event.target;
            setText(changed);
            const atMs = new Date(changed).getTime();
            onChange(changed === '' || Number.isNaN(atMs) ? undefined : atMs);
          }}
        />
      </Field>
      <div className="steps">
        <Button look="quiet" onClick={() => set(serverNowMs())}>
          {t('time.now')}
        </Button>
        {STEPS_MS.map((ms) => (
          <Button key={ms} look="quiet" onClick={() => set(serverNowMs() + ms)}>
            {t('time.in', { time: format.duration(ms) })}
          </Button>
        ))}
      </div>
    </div>
  );
}

/** As `datetime-local` wants it: local time without a zone, to the second. */
export function localText(atMs: number): string {
  const date = new Date(atMs - new Date(atMs).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 19);
}
