import { Search } from 'lucide-react';
import { type RefObject, useEffect, useState } from 'react';
import { useI18n } from '../i18n/i18n.js';
import { go, hrefOf, usePlace } from '../routing/place.js';

/** Searches all tasks of all queues for a text. */
export function SearchBox({ ref }: { readonly ref: RefObject<HTMLInputElement | null> }) {
  const { t } = useI18n();
  const { page, params } = usePlace();
  const searched = page === 'tasks' ? (params.get('text') ?? '') : '';
  const [text, setText] = useState(searched);
  useEffect(() => setText(searched), [searched]);
  return (
    <form
      className="search-box"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        const filter =
          page === 'tasks'
            ? Object.fromEntries([...new Set(params.keys())].map((key) => [key, params.getAll(key)]))
            : {};
        go(hrefOf('tasks', { ...filter, text: text.trim() }));
        ref.current?.blur();
      }}
    >
      <Search size={16} aria-hidden />
      <input
        ref={ref}
        type="search"
        aria-label={t('search.label')}
        placeholder={t('search.placeholder')}
        value={text}
        maxLength={2_000}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => event.key === 'Escape' && ref.current?.blur()}
      />
      <kbd aria-hidden>/</kbd>
    </form>
  );
}
