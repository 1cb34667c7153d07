import { useI18n } from '../i18n/i18n.js';
import type { Selection } from './selection.js';

interface SelectAllHeadProps<Row> {
  readonly selection: Selection<Row>;
  /** Those that can be selected. */
  readonly rows: readonly Row[];
}

/** The box above the boxes of the rows. */
export function SelectAllHead<Row>({ selection, rows }: SelectAllHeadProps<Row>) {
  const { t } = useI18n();
  const areAll = rows.length > 0 && rows.every((row) => selection.has(row));
  const areSome = !areAll && rows.some((row) => selection.has(row));
  return (
    <th className="cell-check">
      <input
        type="checkbox"
        aria-label={t('tasks.selectAll')}
        checked={areAll}
        ref={(box) => {
          if (box) box.indeterminate = areSome;
        }}
        onChange={() => (areAll ? selection.clear() : selection.setAll(rows))}
      />
    </th>
  );
}

interface SelectCellProps<Row> extends SelectAllHeadProps<Row> {
  readonly row: Row;
  readonly name: string;
}

/** The box of a row; with Shift it selects all rows from the last one on. */
export function SelectCell<Row>({ selection, rows, row, name }: SelectCellProps<Row>) {
  const { t } = useI18n();
  return (
    <td className="cell-check">
      <input
        type="checkbox"
        aria-label={t('tasks.select', { id: name })}
        checked={selection.has(row)}
        onChange={(event) => selection.toggle(row, (event.nativeEvent as MouseEvent).shiftKey ? rows : undefined)}
      />
    </td>
  );
}
