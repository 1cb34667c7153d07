/** What names beyond the limit are counted as. */
const OTHER = 'other';

/**
 * Limits how many values a label has, since each of them is a time series that Prometheus keeps: a type such as
 * `sync:user:123` has as many as there are users. The first ones keep their names.
 */
export class LabelCap {
  private readonly known = new Set<string>();

  constructor(private readonly most: number) {}

  of(value: string): string {
    if (this.known.has(value)) return value;
    if (this.known.size >= this.most) return OTHER;
    this.known.add(value);
    return value;
  }
}
