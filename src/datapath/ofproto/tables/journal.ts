// What: Journal, how to take back what a transaction has done so far, and what is left to do once all of it is done.
// Why: a bundle applies as one: when its last line is refused, the first one must never have been. Who: flow-change.ts,
// group-table.ts, meter-table.ts and transaction.ts write it, transaction.ts ends it.

/** A step of a transaction. A million flows may go in one: those that come one after the other are one step. */
export interface JournalStep {
  /** Takes the step back; everything is then as it was right after it. */
  undo?(): void;
  /** All steps went well: does what cannot be taken back, such as telling of it and giving memory back. */
  finish?(): void;
}

export class Journal {
  private readonly steps: JournalStep[] = [];

  /** The last step. */
  get last(): JournalStep | undefined {
    return this.steps[this.steps.length - 1];
  }

  record(step: JournalStep): void {
    this.steps.push(step);
  }

  /** Takes everything back, the last step first. */
  rollback(): void {
    for (let i = this.steps.length - 1; i >= 0; i--) this.steps[i]!.undo?.();
  }

  /** All went well. */
  commit(): void {
    for (const step of this.steps) step.finish?.();
  }
}
