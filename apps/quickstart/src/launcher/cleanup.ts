/** The steps to undo at the end, whatever ends the launcher. */
export class Cleanup {
  private readonly steps = new Set<() => Promise<void>>();
  private hasBegun = false;

  /**
   * Call it before the step that is to be undone.
   * @returns a function that undoes the step
   * @throws {Error} the cleanup has begun: nothing new may start
   */
  add(step: () => Promise<void>): () => void {
    if (this.hasBegun) throw new Error('the launcher is stopping');
    this.steps.add(step);
    return () => void this.steps.delete(step);
  }

  /** Undoes all steps, the newest first. `false`: some failed, and were reported; the others were undone. */
  async run(): Promise<boolean> {
    this.hasBegun = true;
    let isDone = true;
    for (const step of [...this.steps].reverse()) {
      try {
        await step();
      } catch (error) {
        isDone = false;
        console.error(error instanceof Error ? error.message : error);
      }
    }
    return isDone;
  }
}
