interface Condition {
  readonly holds: () => boolean;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Waits for conditions that change at known moments: the owner calls `check` whenever one may have become true. */
export class Conditions {
  private waiting: Condition[] = [];

  /** Resolves once `holds` returns true; it is called now and at each `check`. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ holds, resolve, reject });
      this.check();
    });
  }

  check(): void {
    this.waiting = this.waiting.filter(({ holds, resolve }) => {
      const isMet = holds();
      if (isMet) resolve();
      return !isMet;
    });
  }

  /** Rejects all waits: no condition will change any more. */
  giveUp(error: Error): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}
