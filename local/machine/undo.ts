/**
 * How to take back what was begun, the last first. An action is forgotten once it succeeded: what could not be taken back
 * now can be tried again. Actions are safe to run when what they take back was not finished, or is gone.
 */
export class Undo {
  private actions: (() => unknown)[] = [];

  /** Says how to take back what is begun next. */
  add(action: () => unknown): void {
    this.actions.push(action);
  }

  /** Takes everything back, whatever fails on the way, and throws what failed. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const action of [...this.actions].reverse()) {
      try {
        await action();
        this.actions = this.actions.filter((other) => other !== action);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw together(failures);
  }

  /** Does something that is taken back when it fails. */
  async ifFails<T>(action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      await this.run().catch((second: unknown) => {
        throw together([error, second]);
      });
      throw error;
    }
  }
}

function together(errors: readonly unknown[]): Error {
  const [first] = errors;
  if (errors.length === 1 && first instanceof Error) return first;
  const messages = errors.map((error) => (error instanceof Error ? error.message : String(error)));
  return new AggregateError(errors, messages.join("\n"));
}
