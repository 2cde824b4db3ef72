/** Commands for whoever operates the service; most are for administrators. */
import type { Command } from "commander";
import { type Answered, answerTo, collect, type Service } from "./api";
import { action, noteCut } from "./context";
import { Failure } from "./failure";
import { atLeast, limitOption } from "./options";
import type { Cell, Output } from "./output";
import { patientFetch } from "./patience";
import { localTime } from "./text";

type Account = Answered<"Account">;

interface ActivityOptions {
  readonly event?: Answered<"Event">["event"];
  readonly object?: string;
  readonly since?: string;
  readonly until?: string;
  readonly everyone?: true;
  readonly account?: string;
  readonly limit: number;
}

interface Readiness {
  readonly status: string;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly reason?: string }>>;
}

/** Adds the commands. */
export function addOperationCommands(program: Command): void {
  addActivityCommand(program);
  addFleetCommands(program);
  addAccountsCommands(program);
  addHealthCommand(program);
}

function addActivityCommand(program: Command): void {
  const shown = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  program
    .command("activity")
    .description("what has happened, the newest first: one's own; administrators see others' as well")
    .option("--event <name>", "only events of this name, such as task.created")
    .option("--object <id>", "only what was done to this task, account or group")
    .option("--since <time>", "not before, such as 2026-01-31T12:00:00Z")
    .option("--until <time>", "only before")
    .option("--everyone", "everybody's")
    .option("--account <id>", "another account's")
    .addOption(limitOption())
    .action(
      action(async ({ output, service: find }, { limit: most, ...filter }: ActivityOptions) => {
        const { own } = await find();
        const { results, isCut } = await collect(
          (limit, cursor) =>
            answerTo(own.GET("/v1/activity", { params: { query: { ...filter, limit, cursor } } })),
          most,
        );
        output.show(results, () =>
          output.list(
            ["WHEN", "EVENT", "ACCOUNT", "OBJECT", "CLIENT", "DETAILS"],
            results.map(({ at, event, account, object, client, details }) => [
              localTime(at),
              event,
              account,
              object,
              client,
              Object.entries(details)
                .map(([name, value]) => `${name}=${shown(value)}`)
                .join(" "),
            ]),
            "Nothing has happened.",
          ),
        );
        if (isCut) noteCut(most);
      }),
    );
}

type Fleet = Answered<"Fleet">;

function showFleet(output: Output, fleet: Fleet): void {
  const { name, desired, minimum, maximum, instances } = fleet;
  output.show(fleet, () => {
    output.facts({ group: name, desired: String(desired), limits: `${minimum} to ${maximum}` });
    output.list(
      ["HOST", "ZONE", "STATE", "HEALTH"],
      instances.map(({ id, zone, state, health }) => [
        id,
        zone,
        state,
        { text: health, style: health === "Healthy" ? "good" : "bad" },
      ]),
      "No hosts.",
    );
  });
}

function addFleetCommands(program: Command): void {
  const fleet = program.command("fleet").description("the hosts that serve (administrators)");
  fleet
    .command("show")
    .description("show how many there should be, and which there are")
    .action(
      action(async ({ output, service: find }) => {
        const { own } = await find();
        showFleet(output, await answerTo(own.GET("/v1/fleet")));
      }),
    );
  fleet
    .command("set")
    .description("set how many there should be, within the group's limits")
    .argument("<number>", "how many", atLeast(0))
    .action(
      action(async ({ output, service: find }, _options, desired: number) => {
        const { own } = await find();
        showFleet(output, await answerTo(own.PUT("/v1/fleet", { body: { desired } })));
      }),
    );
}

/** The account of a login, as `accounts list` shows it. */
async function accountOf({ own }: Service, given: string): Promise<Account> {
  const login = given.normalize("NFKC").toLowerCase();
  // Of all logins that begin with it, it is the first.
  const query = { prefix: login, limit: 1 };
  const { results } = await answerTo(own.GET("/v1/accounts", { params: { query } }));
  const found = results.find((account) => account.login === login);
  if (!found) throw new Failure("missing", `No account has the login ${given}.`);
  return found;
}

function addAccountsCommands(program: Command): void {
  const locked = (account: Account): Cell =>
    account.locked ? { text: "yes", style: "bad" } : { text: "no", style: "none" };
  const accounts = program.command("accounts").description("the accounts of all users (administrators)");

  accounts
    .command("list [prefix]")
    .description("list them by login, or those whose login begins so")
    .addOption(limitOption())
    .action(
      action(async ({ output, service: find }, options: { limit: number }, prefix?: string) => {
        const { own } = await find();
        const { results, isCut } = await collect(
          (limit, cursor) =>
            answerTo(own.GET("/v1/accounts", { params: { query: { prefix, limit, cursor } } })),
          options.limit,
        );
        output.show(results, () =>
          output.list(
            ["LOGIN", "ROLE", "LOCKED", "SINCE", "CHANGED", "ID"],
            results.map((account) => [
              account.login,
              account.role,
              locked(account),
              localTime(account.created_at),
              localTime(account.changed_at),
              { text: account.id, style: "faint" },
            ]),
            "No accounts.",
          ),
        );
        if (isCut) noteCut(options.limit);
      }),
    );

  for (const [name, path, meaning, done] of [
    ["lock", "/v1/accounts/{account}/lock", "end its sessions and let nobody sign in to it", "Locked"],
    ["unlock", "/v1/accounts/{account}/unlock", "let its owner sign in again", "Unlocked"],
  ] as const)
    accounts
      .command(`${name} <login>`)
      .description(meaning)
      .action(
        action(async ({ output, service: find }, _options, login: string) => {
          const service = await find();
          const { id } = await accountOf(service, login);
          const account = await answerTo(service.own.POST(path, { params: { path: { account: id } } }));
          output.show(account, () => output.line(`${done} ${account.login} (${account.id}).`));
        }),
      );
}

function addHealthCommand(program: Command): void {
  program
    .command("health")
    .description("whether the service can do all that it should")
    .action(
      action(async ({ output, service: find }) => {
        const { url } = await find();
        const response = await patientFetch(new Request(`${url}/readyz`));
        const { status, checks } = readinessOf(await response.text());
        output.show({ status, checks }, () =>
          output.list(
            ["CHECK", "STATE", "REASON"],
            Object.entries(checks).map(([name, { ok, reason = "" }]) => [
              name,
              ok ? { text: "ok", style: "good" } : { text: "failed", style: "bad" },
              reason,
            ]),
            "No checks.",
          ),
        );
        if (!response.ok) throw new Failure("unavailable", `The service at ${url} is not ready.`);
      }),
    );
}

function readinessOf(text: string): Readiness {
  try {
    const readiness = JSON.parse(text) as Readiness;
    if (typeof readiness.checks === "object") return readiness;
  } catch {
    // Told below.
  }
  throw new Failure(
    "unavailable",
    "What answers does not tell its health: a balancer without hosts, or another service.",
  );
}
