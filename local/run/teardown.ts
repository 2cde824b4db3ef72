import { explain } from "../terminal/explain";
import type { Progress } from "../terminal/progress";

/** What has to be undone at the end of a run, the last first. */
export class Teardown {
  private readonly actions: { readonly what: string; readonly undo: () => Promise<void> | void }[] = [];

  constructor(private readonly progress: Progress) {}

  add(what: string, undo: () => Promise<void> | void): void {
    this.actions.push({ what, undo });
  }

  /** Undoes everything, whatever fails on the way. Answers whether all of it could be undone. */
  async run(): Promise<boolean> {
    let isClean = true;
    for (let action = this.actions.pop(); action; action = this.actions.pop()) {
      try {
        await action.undo();
      } catch (error) {
        isClean = false;
        this.progress.error(`${action.what}: ${explain(error)}`);
      }
    }
    return isClean;
  }
}
