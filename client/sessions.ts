/** Who is signed in where: the tokens of each service, in the user's own folder of settings. */
import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { Failure } from "./failure";
import type { components } from "./schema";

/** What the service gives who signs in. */
export type Tokens = components["schemas"]["Tokens"];

/** The tokens as they are kept. */
export interface Session {
  readonly access: string;
  readonly refresh: string;
  /** When the access token ends, in milliseconds. */
  readonly expires: number;
}

// A token that ends while the request is on its way is as good as ended, in milliseconds.
const margin = 30_000;

/** The folder with all sessions. */
export function sessionFolder(env = process.env): string {
  const given = env["XDG_CONFIG_HOME"];
  return join(given && isAbsolute(given) ? given : join(homedir(), ".config"), "django-on-ec2");
}

/** The session at one service. */
export class Sessions {
  private readonly file: string;

  constructor(
    private readonly url: string,
    private readonly folder = sessionFolder(),
  ) {
    this.file = join(folder, `${encodeURIComponent(url)}.json`);
  }

  /** The session, if there is one. */
  async read(): Promise<Session | undefined> {
    let text: string;
    try {
      text = await readFile(this.file, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
    try {
      return JSON.parse(text) as Session;
    } catch (error) {
      throw new Failure("fault", `${this.file} is damaged: remove it and sign in again.`, { cause: error });
    }
  }

  /** An access token that is good for now; without a session, a failure that says how to begin one. */
  async access(refresh: (token: string) => Promise<Tokens>): Promise<string> {
    const session = await this.read();
    if (!session) throw this.signedOut("You are not signed in");
    return Date.now() < session.expires - margin ? session.access : this.renew(session.access, refresh);
  }

  /**
   * Exchanges a session's tokens for new ones. A refresh token is good for one use, and a second use ends the session: of
   * any number of processes, one exchanges it, and the others take what it got.
   */
  async renew(spent: string, refresh: (token: string) => Promise<Tokens>): Promise<string> {
    return this.alone(async () => {
      const session = await this.read();
      if (!session) throw this.signedOut("You are not signed in any more");
      if (session.access !== spent) return session.access;
      let tokens: Tokens;
      try {
        tokens = await refresh(session.refresh);
      } catch (error) {
        if (!(error instanceof Failure) || error.kind !== "signedOut") throw error;
        await rm(this.file, { force: true });
        throw this.signedOut("You are not signed in any more", error);
      }
      await this.write(tokens);
      return tokens.access;
    });
  }

  /** Keeps the tokens of a new session. */
  async begin(tokens: Tokens): Promise<void> {
    await this.alone(() => this.write(tokens));
  }

  /** Forgets the session. */
  async end(): Promise<void> {
    await this.alone(() => rm(this.file, { force: true }));
  }

  private signedOut(what: string, cause?: Error): Failure {
    return new Failure("signedOut", `${what} to ${this.url}: sign in with the command signin.`, { cause });
  }

  private async write({ access, refresh, expires_in }: Tokens): Promise<void> {
    const session: Session = { access, refresh, expires: Date.now() + expires_in * 1000 };
    const draft = `${this.file}.${process.pid}`;
    const handle = await open(draft, "w", 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(session)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    // Whoever reads meanwhile has the old session or the new one, never half of one.
    await rename(draft, this.file);
  }

  private async alone<T>(action: () => Promise<T>): Promise<T> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await chmod(this.folder, 0o700);
    const { lock } = await import("proper-lockfile");
    const release = await lock(this.file, {
      realpath: false,
      // A holder shows every second that it lives; what a killed one left counts for nothing after some more.
      stale: 5000,
      update: 1000,
      retries: { retries: 300, factor: 1, minTimeout: 50, maxTimeout: 100, randomize: true },
      // The machine slept: the answer that is under way is kept all the same.
      onCompromised: () => undefined,
    });
    try {
      return await action();
    } finally {
      await release().catch((error: unknown) => {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== "ECOMPROMISED" && code !== "ERELEASED") throw error;
      });
    }
  }
}
