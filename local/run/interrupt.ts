const exitStatuses: Readonly<Partial<Record<NodeJS.Signals, number>>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGTERM: 143,
};
/** npm passes a signal on that the terminal already gave to the whole process group: one Ctrl-C, two signals. */
const echoMilliseconds = 500;

/** Why a run has to end before its time: whoever started it wants so, or this program itself failed. */
export class Interrupt {
  private readonly controller = new AbortController();
  private receivedAt = 0;
  private received: NodeJS.Signals | undefined;
  private failure: Error | undefined;

  /** `onRepeat` is told of further signals. */
  constructor(onRepeat: () => void) {
    for (const name of Object.keys(exitStatuses) as NodeJS.Signals[]) {
      process.on(name, () => {
        const now = performance.now();
        if (!this.signal.aborted) {
          this.received = name;
          this.receivedAt = now;
          this.controller.abort(new Error(`stopped by ${name}`));
        } else if (now - this.receivedAt > echoMilliseconds) {
          onRepeat();
        }
      });
    }
  }

  /** Ends the run because of an error that nobody handled. */
  fail(error: Error): void {
    this.failure ??= error;
    this.controller.abort(error);
  }

  /** The first error that nobody handled, even if the run was at its end already. */
  get fault(): Error | undefined {
    return this.failure;
  }

  /** Aborted by the first signal or fault. */
  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** What a shell takes for "ended by that signal"; undefined unless a signal was what ended the run. */
  get exitStatus(): number | undefined {
    return this.received && exitStatuses[this.received];
  }

  /** Resolves with the first signal or fault. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      if (this.signal.aborted) resolve();
      else this.signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}
