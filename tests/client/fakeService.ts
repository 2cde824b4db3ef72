import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text as readAll } from "node:stream/consumers";

/** What a test has the service do instead of its work: answer so, cut the connection, or do its work and then cut it. */
export type Fault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  | "cut"
  | "cut after";

interface StoredTask {
  id: string;
  title: string;
  done: boolean;
  version: number;
  created_at: string;
  updated_at: string;
}

interface StoredAccount {
  id: string;
  login: string;
  password: string;
  role: string;
  locked: boolean;
  session: number;
  tasks: StoredTask[];
}

interface Asked {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  readonly body: Record<string, unknown>;
}

class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string = code,
    readonly more: { readonly errors?: object[]; readonly headers?: Record<string, string> } = {},
  ) {
    super(detail);
  }
}

/** A small service in this process that keeps to the API's contract. */
export class FakeService {
  readonly accounts = new Map<string, StoredAccount>();
  readonly asked: Asked[] = [];
  /** How long an access token is good, in seconds. */
  lifetime = 600;
  ready = true;
  fleet = {
    name: "web",
    minimum: 2,
    maximum: 4,
    desired: 2,
    instances: [{ id: "i-1", zone: "us-east-1a", state: "InService", health: "Healthy" }],
  };
  /** What happened, the newest first. */
  events: object[] = [];
  /** Taken one by one, by requests whose method and path are these. */
  readonly faults: { readonly on: string; readonly fault: Fault }[] = [];
  private readonly access = new Map<string, { login: string; expires: number }>();
  private readonly refresh = new Map<string, { login: string; session: number; number: number }>();
  private readonly newest = new Map<number, number>();
  private readonly keys = new Map<string, { body: string; task: StoredTask }>();
  private sessions = 0;
  private clock = Date.parse("2026-01-31T12:00:00Z");
  private readonly server = createServer((request, response) => void this.serve(request, response));
  url = "";

  async start(): Promise<this> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Adds an account. */
  add(login: string, password: string, role = "user"): StoredAccount {
    const id = createHash("md5").update(login).digest("hex");
    const account = { id, login, password, role, locked: false, session: 0, tasks: [] };
    this.accounts.set(login, account);
    return account;
  }

  /** Adds a task of an account. */
  addTask(account: StoredAccount, title: string, id: string = randomUUID()): StoredTask {
    const at = new Date((this.clock += 60_000)).toISOString();
    const task = { id, title, done: false, version: 1, created_at: at, updated_at: at };
    account.tasks.unshift(task);
    return task;
  }

  /** Ends all access tokens before their time. */
  forgetAccessTokens(): void {
    this.access.clear();
  }

  requests(method: string, path: string): Asked[] {
    return this.asked.filter((asked) => asked.method === method && asked.url.pathname === path);
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const text = await readAll(request);
    const method = request.method ?? "";
    const asked = { method, url, headers: request.headers, body: JSON.parse(text || "{}") as Asked["body"] };
    this.asked.push(asked);
    const index = this.faults.findIndex(({ on }) => on === `${method} ${url.pathname}`);
    const fault = index < 0 ? undefined : this.faults.splice(index, 1)[0]?.fault;
    if (fault === "cut") {
      request.socket.destroy();
      return;
    }
    if (typeof fault === "object") {
      send(response, fault.status, fault.body, fault.headers);
      return;
    }
    const answer = this.answer(asked);
    if (fault === "cut after") request.socket.destroy();
    else send(response, ...answer);
  }

  private answer(asked: Asked): [number, unknown?, Record<string, string>?] {
    try {
      return this.route(asked);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const { status, code, detail, more } = error;
      const type = { "content-type": "application/problem+json", ...more.headers };
      return [status, { type: "about:blank", status, code, detail, errors: more.errors }, type];
    }
  }

  private route(asked: Asked): [number, unknown?, Record<string, string>?] {
    const { method, url, body } = asked;
    const [, , part = "", id = "", verb = ""] = url.pathname.split("/");
    const login = String(body["login"]);
    switch (`${method} ${url.pathname}`) {
      case "GET /readyz": {
        const checks = {
          accounts: { ok: true },
          database: this.ready ? { ok: true } : { ok: false, reason: "OperationalError" },
        };
        return [this.ready ? 200 : 503, { status: this.ready ? "ready" : "unavailable", checks }];
      }
      case "POST /v1/signup": {
        const known = this.accounts.get(login);
        if (known && known.password !== body["password"])
          throw new Problem(409, "login_taken", "This login is taken.");
        if (String(body["password"]).length < 15)
          throw new Problem(400, "invalid", "The request is not valid.", {
            errors: [{ field: "password", code: "password_length", detail: "A password has 15 characters." }],
          });
        return [201, { id: (known ?? this.add(login, String(body["password"]))).id }];
      }
      case "POST /v1/signin": {
        const account = this.accounts.get(login);
        if (account?.password !== body["password"])
          throw new Problem(401, "invalid_credentials", "No account has this login and password.");
        if (account?.locked) throw new Problem(403, "account_locked", "This account is locked.");
        return [200, this.tokens(login, ++this.sessions, 1)];
      }
      case "POST /v1/token/refresh": {
        const given = this.refresh.get(String(body["refresh"]));
        const isNewest = given && this.newest.get(given.session) === given.number;
        if (given && !isNewest) this.newest.delete(given.session);
        if (!given || !isNewest) throw new Problem(401, "token_reused", "The refresh token was used before.");
        return [200, this.tokens(given.login, given.session, given.number + 1)];
      }
    }
    const account = this.signedIn(asked);
    if (part === "tasks") return this.tasks(asked, account, id);
    switch (`${method} ${url.pathname}`) {
      case "GET /v1/account":
        return [200, describe(account)];
      case "POST /v1/signout":
        this.newest.clear();
        return [204];
      case "PUT /v1/account/password":
        if (body["password"] !== account.password)
          throw new Problem(403, "wrong_password", "Not the password.");
        account.password = String(body["new_password"]);
        this.newest.clear();
        return [200, this.tokens(account.login, ++this.sessions, 1)];
      case "GET /v1/activity":
        return [200, this.page(url, this.events)];
    }
    if (account.role !== "admin") throw new Problem(403, "permission_denied", "Administrators only.");
    switch (`${method} ${part}${verb && `/${verb}`}`) {
      case "GET fleet":
        return [200, this.fleet];
      case "PUT fleet": {
        const desired = Number(body["desired"]);
        if (desired > this.fleet.maximum)
          throw new Problem(422, "out_of_bounds", "The fleet may have 2 to 4 hosts.");
        this.fleet = { ...this.fleet, desired };
        return [200, this.fleet];
      }
      case "GET accounts": {
        const prefix = url.searchParams.get("prefix") ?? "";
        const found = [...this.accounts.values()].filter((one) => one.login.startsWith(prefix));
        return [200, this.page(url, found.sort((a, b) => (a.login < b.login ? -1 : 1)).map(describe))];
      }
      case "POST accounts/lock":
      case "POST accounts/unlock": {
        const other = [...this.accounts.values()].find((one) => one.id === id);
        if (!other) throw new Problem(404, "not_found");
        if (other === account)
          throw new Problem(409, "own_account", "Administrators do not lock themselves out.");
        other.locked = verb === "lock";
        return [200, describe(other)];
      }
    }
    throw new Problem(404, "not_found", "Nothing is served at this path.");
  }

  private tasks(
    asked: Asked,
    account: StoredAccount,
    id: string,
  ): [number, unknown?, Record<string, string>?] {
    const { method, url, headers, body } = asked;
    if (id === "" && method === "GET") {
      const { searchParams: query } = url;
      const found = account.tasks.filter(
        (task) =>
          (query.get("done") === null || String(task.done) === query.get("done")) &&
          task.title.includes(query.get("q") ?? ""),
      );
      return [200, this.page(url, query.get("order") === "created" ? found.reverse() : found)];
    }
    if (id === "") {
      const key = String(headers["idempotency-key"] ?? randomUUID());
      const known = this.keys.get(key);
      if (known && known.body !== JSON.stringify(body)) throw new Problem(422, "idempotency_key_reused");
      const task = known?.task ?? this.addTask(account, String(body["title"]));
      this.keys.set(key, { body: JSON.stringify(body), task });
      return [201, task, { etag: `"${task.version}"` }];
    }
    const task = account.tasks.find((one) => one.id === id);
    if (!task) throw new Problem(404, "not_found", "No such task.");
    if (headers["if-match"] !== undefined && headers["if-match"] !== `"${task.version}"`)
      throw new Problem(412, "precondition_failed", "The task has changed.");
    if (method === "DELETE") {
      account.tasks = account.tasks.filter((one) => one !== task);
      return [204];
    }
    if (method === "PATCH") Object.assign(task, body, { version: task.version + 1 });
    return [200, task, { etag: `"${task.version}"` }];
  }

  private page(url: URL, all: readonly object[]): object {
    const from = Number(url.searchParams.get("cursor") ?? 0);
    const to = from + Number(url.searchParams.get("limit") ?? 20);
    return { results: all.slice(from, to), next_cursor: all.length > to ? String(to) : null };
  }

  private tokens(login: string, session: number, number: number): object {
    const [access, refresh] = [`access-${randomUUID()}`, `refresh-${randomUUID()}`];
    this.access.set(access, { login, expires: Date.now() + this.lifetime * 1000 });
    this.refresh.set(refresh, { login, session, number });
    this.newest.set(session, number);
    return { access, token_type: "Bearer", expires_in: this.lifetime, refresh };
  }

  private signedIn({ headers }: Asked): StoredAccount {
    const token = this.access.get(headers.authorization?.replace(/^Bearer /, "") ?? "");
    const account = this.accounts.get(token?.login ?? "");
    if (!token || !account || token.expires < Date.now())
      throw new Problem(401, "not_authenticated", "The access token has expired.");
    return account;
  }
}

const describe = ({ id, login, role, locked }: StoredAccount) => ({
  id,
  login,
  role,
  locked,
  created_at: "2026-01-31T12:00:00Z",
  changed_at: "2026-01-31T12:00:00Z",
});

function send(
  response: ServerResponse,
  status: number,
  body?: unknown,
  headers: Record<string, string> = {},
): void {
  const text = body === undefined ? "" : typeof body === "string" ? body : JSON.stringify(body);
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(text);
}
