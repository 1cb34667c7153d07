/** Counts work by the turns of the event loop in which it is done. */
export class TurnWatch {
  /** Most work in one turn. */
  most = 0;
  /** Work in all turns. */
  total = 0;
  private inTurn = 0;
  private next: NodeJS.Immediate | undefined;

  /** Work between here and the return of the promise. */
  static async during(work: (watch: TurnWatch) => Promise<unknown>): Promise<TurnWatch> {
    const watch = new TurnWatch();
    const turn = (): void => {
      watch.inTurn = 0;
      watch.next = setImmediate(turn);
    };
    turn();
    await work(watch);
    clearImmediate(watch.next);
    return watch;
  }

  note(count = 1): void {
    this.inTurn += count;
    this.total += count;
    this.most = Math.max(this.most, this.inTurn);
  }
}
