/** Where progress is shown: a terminal, a file or a pipe. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

/** How progress is shown. */
export interface ProgressOptions {
  readonly screen: Screen;
  /** Environment that decides on colour and live lines. */
  readonly env?: NodeJS.ProcessEnv;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** A step that is under way. */
export interface Step {
  /** Says more about what the step is doing. */
  update(detail: string): void;
  done(verb?: string): void;
  failed(error: unknown): void;
  /** Ends the step unfinished, for a reason that is not its own. */
  stopped(): void;
}

/** A step that has ended. */
export interface FinishedStep {
  readonly name: string;
  readonly kind: string;
  readonly seconds: number;
  readonly failed: boolean;
}

interface RunningStep {
  readonly name: string;
  readonly kind: string;
  readonly verb: string;
  detail: string;
  readonly startedAt: number;
  announcedAt: number | undefined;
}

/** Lines for so many columns and rows. */
export type View = (columns: number, rows: number) => readonly string[];

type Colour = "red" | "green" | "yellow" | "dim" | "bold";

const colourCodes: Readonly<Record<Colour, string>> = {
  red: "31",
  green: "32",
  yellow: "33",
  dim: "2",
  bold: "1",
};
const spinnerFrames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const frameMilliseconds = 100;
/** Without a terminal: a step is announced when it takes this long, and again each time this long has passed. */
const announceSeconds = 1;
const repeatSeconds = 30;
/** Lines of running steps on a terminal; more would scroll away what has happened. */
const liveLines = 12;
const reasonWidth = 200;
const eraseToEndOfLine = "\x1b[K";
const eraseBelow = "\x1b[J";

/** Seconds as people read them: `0.4 s`, `12 s`, `3 min 20 s`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** The last part of a type token, as the program names it: `aws:ec2/vpc:Vpc` → `ec2.Vpc`. */
export function shortType(token: string): string {
  const [, module = "", name = ""] = token.split(":");
  const [folder = ""] = module.split("/");
  return folder === "index" ? name : `${folder}.${name}`;
}

/**
 * Shows what a run is doing: what has ended as lasting lines, what is under way as live lines below them where there is
 * a terminal, and as a line now and then where there is none.
 */
export class Progress {
  readonly finished: FinishedStep[] = [];
  private readonly running = new Set<RunningStep>();
  /** Whether lines are redrawn. */
  readonly isLive: boolean;
  private readonly isColoured: boolean;
  private readonly now: () => number;
  private timer: NodeJS.Timeout | undefined;
  private view: View | undefined;
  private shownLines = 0;
  private frame = 0;

  constructor(private readonly options: ProgressOptions) {
    const { screen, env = process.env, now = () => performance.now() } = options;
    const isTerminal = screen.isTTY === true && env["TERM"] !== "dumb";
    this.isLive = isTerminal && !env["CI"];
    // https://no-color.org: any value but the empty one.
    this.isColoured = isTerminal && !env["NO_COLOR"];
    this.now = now;
  }

  /** Begins a step. `verb` says what is done to it: `creating`. */
  begin(name: string, kind = "", verb = ""): Step {
    const step: RunningStep = { name, kind, verb, detail: "", startedAt: this.now(), announcedAt: undefined };
    this.running.add(step);
    this.timer ??= setInterval(() => this.tick(), frameMilliseconds);
    const end = (mark: string, verb: string, failed = false): void => {
      const seconds = (this.now() - step.startedAt) / 1000;
      if (!this.running.delete(step)) return;
      this.finished.push({ name, kind, seconds, failed });
      this.print(`${mark} ${this.describe(step, verb)}  ${this.paint("dim", duration(seconds))}`);
    };
    return {
      update: (detail) => {
        step.detail = detail;
      },
      done: (verb = "") => {
        end(this.paint("green", "✓"), verb);
      },
      failed: (error) => {
        end(this.paint("red", "✗"), this.paint("red", "failed"), true);
        // The whole of it is told once, at the end.
        const [reason = ""] = (error instanceof Error ? error.message : String(error)).split("\n", 1);
        this.print(this.paint("red", `    ${fit(reason, reasonWidth)}`));
      },
      stopped: () => {
        end(this.paint("yellow", "–"), this.paint("yellow", "stopped"));
      },
    };
  }

  /** Runs an action as a step, which counts as stopped, not as failed, once the signal is aborted. */
  async during<T>(name: string, action: (step: Step) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const step = this.begin(name);
    try {
      const result = await action(step);
      step.done();
      return result;
    } catch (error) {
      if (signal?.aborted) step.stopped();
      else step.failed(error);
      throw error;
    }
  }

  /** Has lines redrawn below everything else, until others, or none, take their place. Without a terminal nothing is shown. */
  show(view: View | undefined): void {
    this.view = view;
    this.options.screen.write(this.drawn());
  }

  /** A line, or several, that stay. */
  print(text: string): void {
    // In one write: nothing flickers.
    this.options.screen.write(`${this.erased()}${text}\n${this.drawn()}`);
  }

  heading(text: string): void {
    this.print(`\n${this.paint("bold", text)}`);
  }

  warn(text: string): void {
    this.print(this.paint("yellow", text));
  }

  error(text: string): void {
    this.print(this.paint("red", text));
  }

  paint(colour: Colour, text: string): string {
    return this.isColoured && text !== "" ? `\x1b[${colourCodes[colour]}m${text}\x1b[0m` : text;
  }

  /**
   * Has a stream that others write to, such as standard error, keep out of the live lines. Answers how to undo it.
   */
  share(stream: { write: (...args: never[]) => boolean }): () => void {
    if (!this.isLive) return () => undefined;
    const original = stream.write;
    stream.write = (...args: never[]) => {
      this.options.screen.write(this.erased());
      const accepted = original.apply(stream, args);
      this.options.screen.write(this.drawn());
      return accepted;
    };
    return () => {
      stream.write = original;
    };
  }

  /** Takes the live lines away; what is shown afterwards stays as it is written. */
  close(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.view = undefined;
    this.options.screen.write(this.erased());
    this.running.clear();
  }

  private describe(step: RunningStep, state: string): string {
    return [step.name, this.paint("dim", step.kind), state].filter(Boolean).join("  ");
  }

  private tick(): void {
    if (this.running.size === 0) {
      clearInterval(this.timer);
      this.timer = undefined;
    } else if (this.isLive) {
      this.frame++;
      this.options.screen.write(this.drawn());
    } else {
      this.announce();
    }
  }

  private announce(): void {
    const now = this.now();
    for (const step of this.running) {
      const since = (now - (step.announcedAt ?? step.startedAt)) / 1000;
      if (since < (step.announcedAt === undefined ? announceSeconds : repeatSeconds)) continue;
      const state = step.detail || step.verb || "under way";
      const elapsed = step.announcedAt === undefined ? "" : `  ${duration((now - step.startedAt) / 1000)}`;
      step.announcedAt = now;
      this.options.screen.write(`… ${this.describe(step, state)}${elapsed}\n`);
    }
  }

  private liveLines(): string[] {
    // A terminal that does not know its size says 0.
    const columns = this.options.screen.columns || 80;
    const rows = this.options.screen.rows || 24;
    const room = Math.max(1, Math.min(liveLines, rows - 2));
    const steps = [...this.running];
    const now = this.now();
    const lines = steps.slice(0, steps.length > room ? room - 1 : room).map((step) => {
      const elapsed = duration((now - step.startedAt) / 1000);
      const spinner = spinnerFrames[this.frame % spinnerFrames.length] ?? "";
      const text = [step.name, step.kind, step.detail || step.verb].filter(Boolean).join("  ");
      // One column stays free: some terminals wrap a line that fills the last one.
      return `${spinner} ${fit(text, columns - elapsed.length - 5)}  ${this.paint("dim", elapsed)}`;
    });
    if (steps.length > room)
      lines.push(this.paint("dim", fit(`  and ${steps.length - lines.length} more`, columns - 1)));
    // What is above the screen cannot be redrawn.
    return [...lines, ...(this.view?.(columns, rows - lines.length) ?? [])].slice(0, rows - 1);
  }

  /** What draws the live lines over the old ones. */
  private drawn(): string {
    if (!this.isLive) return "";
    const lines = this.liveLines();
    const up = this.shownLines > 0 ? `\x1b[${this.shownLines}A` : "";
    const drawn = lines.map((line) => `\r${line}${eraseToEndOfLine}\n`).join("");
    this.shownLines = lines.length;
    return up || drawn ? `${up}${drawn}${eraseBelow}` : "";
  }

  /** What takes the live lines away. */
  private erased(): string {
    if (this.shownLines === 0) return "";
    const up = `\x1b[${this.shownLines}A`;
    this.shownLines = 0;
    return `${up}\r${eraseBelow}`;
  }
}

function fit(text: string, width: number): string {
  if (text.length <= width) return text;
  return width < 1 ? "" : `${text.slice(0, width - 1)}…`;
}
