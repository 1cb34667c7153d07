import { createContext, Fragment, type ReactNode, useContext, useEffect, useMemo } from 'react';
import { useSettings } from '../settings.js';
import { Format } from './format.js';
import { type MessageKey, messages } from './messages.js';
import { type Language, partsOf, translate, type Values } from './translate.js';

/** The texts and formats of the person's language. */
export interface I18n {
  readonly language: Language;
  readonly format: Format;
  readonly t: (key: MessageKey, values?: Values) => string;
  /** A text with elements in it. */
  readonly rich: (key: MessageKey, elements: Readonly<Record<string, ReactNode>>) => ReactNode;
}

const I18nContext = createContext<I18n | undefined>(undefined);

export function useI18n(): I18n {
  const i18n = useContext(I18nContext);
  if (!i18n) throw new Error('outside of I18nProvider');
  return i18n;
}

export function I18nProvider({ children }: { readonly children: ReactNode }) {
  const { language: chosen, zone } = useSettings();
  const locale = localeOf(chosen);
  const i18n = useMemo(() => i18nOf(locale, zone), [locale, zone]);
  useEffect(() => {
    document.documentElement.lang = i18n.language === 'zh' ? 'zh-CN' : 'en';
  }, [i18n]);
  return <I18nContext value={i18n}>{children}</I18nContext>;
}

/** The browser's own kind of English or Chinese, so that dates are written as the person is used to. */
function localeOf(chosen: 'system' | Language): string {
  const wanted = navigator.languages.find((locale) => /^(en|zh)\b/i.test(locale));
  if (chosen === 'system') return wanted ?? 'en';
  return (
    navigator.languages.find((locale) => locale.toLowerCase().startsWith(chosen)) ?? (chosen === 'zh' ? 'zh-CN' : 'en')
  );
}

export function i18nOf(locale: string, zone: 'local' | 'utc'): I18n {
  const language = locale.toLowerCase().startsWith('zh') ? 'zh' : 'en';
  const format = new Format(locale, zone);
  return {
    language,
    format,
    t: (key, values = {}) => translate(messages[key], language, format.numbers, values),
    rich: (key, elements) =>
      partsOf(messages[key], language).map((part, index) => (
        // The parts of a text never change their order.
        // oxlint-disable-next-line react/no-array-index-key
        <Fragment key={index}>{part.value === undefined ? part.text : elements[part.value]}</Fragment>
      )),
  };
}
