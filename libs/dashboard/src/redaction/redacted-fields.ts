/** What stands in the place of a hidden value. */
export const HIDDEN = '[hidden]';

/**
 * Names of fields to hide. A name alone is found at every depth; a path (`'user.card'`, `'*.card'`) is one from the
 * root, in which `*` stands for one name and elements of arrays do not count. Without regard to case.
 */
export class RedactedFields {
  private readonly names = new Set<string>();
  private readonly paths: (readonly string[])[] = [];
  /** The last names of all, those of any name left out, for texts without a structure. */
  readonly lastNames: readonly string[];

  constructor(patterns: readonly string[]) {
    for (const pattern of patterns) {
      const parts = pattern.toLowerCase().split('.');
      if (parts.length === 1) this.names.add(parts[0]!);
      else this.paths.push(parts);
    }
    const last = [...this.names, ...this.paths.map((parts) => parts.findLast((part) => part !== '*'))];
    this.lastNames = [...new Set(last)].filter((name): name is string => name !== undefined && name !== '*');
  }

  get isEmpty(): boolean {
    return this.names.size === 0 && this.paths.length === 0;
  }

  /** Whether some path that ends in this name, in lower case, may be hidden. */
  mayHide(name: string): boolean {
    return this.names.has(name) || this.paths.some((parts) => parts.at(-1) === '*' || parts.at(-1) === name);
  }

  /** @param path names from the root to the field, in lower case */
  hides(path: readonly string[]): boolean {
    const name = path.at(-1);
    if (name === undefined) return false;
    if (this.names.has(name)) return true;
    return this.paths.some(
      (parts) => parts.length === path.length && parts.every((part, i) => part === '*' || part === path[i]),
    );
  }
}
