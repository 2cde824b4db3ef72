import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type OutgoingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../support/eventually";
import { onHost } from "../../local/faults/onHost";
import { root } from "../support/regionProcess";
import { password, useRegion } from "../support/runningRegion";

/** The balancer's patience with `/livez`, in milliseconds. */
const livenessLimit = 5000;

describe("whatever happens", () => {
  const region = useRegion();
  let token: string;
  let before: Map<string, string>;
  let liveness: Liveness;

  /** Which processes serve, by host. */
  async function processes(): Promise<Map<string, string>> {
    const script =
      "systemctl show -P NRestarts app.service; sort /proc/$(systemctl show -P MainPID app.service)/task/*/children";
    const hosts = await region.webHosts();
    return new Map(await Promise.all(hosts.map(async (host) => [host, await onHost(host, script)] as const)));
  }

  beforeEach(async () => {
    token = (await region.newUser()).token;
    await eventually("tasks", async () => (await tasks()) === 200);
    before = await processes();
    liveness = new Liveness(`${region.outputs["serviceUrl"]}/livez`);
  });
  afterEach(() => liveness.stop());

  const tasks = async () => (await region.askOnce("GET", "/v1/tasks", undefined, token)).status;
  const signIn = async (login: string) =>
    (await region.askOnce("POST", "/v1/signin", { login, password })).status;
  const health = async () => (await region.askOnce("GET", "/readyz")).status;

  /** Every question of the balancer's was answered, and the same processes serve as before. */
  async function assertUnharmed(): Promise<void> {
    await eventually("tasks", async () => (await tasks()) === 200);
    await eventually("readiness", async () => (await health()) === 200);
    assert.deepEqual(await liveness.stop(), []);
    assert.deepEqual(await processes(), before);
  }

  /** Connections to the balancer that send something and then nothing, and that read nothing. */
  async function withhold(count: number, message: string): Promise<() => void> {
    const { hostname, port } = new URL(region.outputs["serviceUrl"]!);
    const sockets: Socket[] = [];
    for (let index = 0; index < count; index++) {
      const socket = connect(Number(port || 80), hostname);
      socket.on("error", () => undefined); // Refused or reset: that is the defence.
      socket.pause();
      sockets.push(socket);
      await once(socket, "connect");
      socket.write(message);
    }
    return () => {
      for (const socket of sockets) socket.destroy();
    };
  }

  const head = (method: string, uri: string, ...lines: readonly string[]) =>
    [`${method} ${uri} HTTP/1.1`, "Host: localhost", ...lines, "", ""].join("\r\n");

  for (const { attack, count, message } of [
    {
      attack: "three hundred bodies that never come",
      count: 300,
      message: `${head("POST", "/v1/signin", "Content-Type: application/json", "Content-Length: 50")}{`,
    },
    {
      attack: "two hundred bodies withheld after an early answer",
      count: 200,
      message: `${head("GET", "/livez", "Content-Length: 50")}{`,
    },
    {
      attack: "two hundred bodies too long, whose rest never comes",
      count: 200,
      message: `${head("POST", "/v1/signin", "Content-Length: 2000000")}${"x".repeat(70_000)}`,
    },
    {
      attack: "three hundred heads that never end",
      count: 300,
      message: "GET /v1/tasks HTTP/1.1\r\nHost: lo",
    },
    {
      attack: "two hundred readers who read nothing",
      count: 200,
      message: head("GET", "/longest"),
    },
  ])
    it(`${attack}: the API goes on answering`, async () => {
      const { login } = await region.newUser();
      const { body } = await region.ask("GET", "/docs");
      // The longest of all answers: it does not fit into the buffers on its way.
      const [longest = ""] = /\/static\/\S*bundle\S*\.js/.exec(String(body["text"])) ?? [];
      assert.ok(longest);
      const giveUp = await withhold(count, message.replace("/longest", longest));
      try {
        for (let round = 0; round < 10; round++) {
          assert.equal((await region.ask("GET", "/v1/tasks", undefined, token)).status, 200);
          assert.ok(await region.signIn(login));
          await sleep(500);
        }
      } finally {
        giveUp();
      }
      await assertUnharmed();
    });

  /**
   * Watches the memory of the service's processes on a host, in MiB, until it is asked for the most: shared pages count by
   * their share. The host itself looks, several times a second, for five minutes at most.
   */
  function watchMemory(host: string): () => Promise<{ readonly most: number; readonly samples: number }> {
    const flag = "/run/watch-memory";
    const watching = onHost(
      host,
      `touch ${flag}; most=0; samples=0
      while [[ -e ${flag} ]] && ((SECONDS < 300)); do
        kib=$(cd /proc && awk '/^Pss:/ { sum += $2 } END { print sum + 0 }' $(pgrep -u app | sed 's,$,/smaps_rollup,'))
        ((kib > most)) && most=$kib
        samples=$((samples + 1))
        sleep 0.1
      done
      echo $most $samples`,
    );
    return async () => {
      await onHost(host, `rm -f ${flag}`);
      const [kib = NaN, samples = NaN] = (await watching).trim().split(" ").map(Number);
      return { most: kib / 1024, samples };
    };
  }

  /** Tries a wrong password from an address of the client's own: the limit for one address would end an attack. */
  const guess = (localAddress: string, login: string, headers: OutgoingHttpHeaders = {}) =>
    new Promise<{ readonly status: number; readonly retryAfter: number; readonly host: unknown }>(
      (resolve, reject) => {
        const { hostname, port } = new URL(region.outputs["serviceUrl"]!);
        request(
          {
            ...{ host: hostname, port: port || 80, path: "/v1/signin", method: "POST" },
            ...{ agent: false, localAddress },
            headers: { "content-type": "application/json", host: hostname, ...headers },
          },
          (response) => {
            const { statusCode = 0, headers: answered } = response;
            const [retryAfter, host] = [Number(answered["retry-after"]), answered["x-instance-id"]];
            response.resume().once("end", () => resolve({ status: statusCode, retryAfter, host }));
          },
        )
          .once("error", reject)
          .end(JSON.stringify({ login, password: "a wrong password" }));
      },
    );

  it("twenty-four clients with wrong passwords: the service stays under 300 MiB, and tasks are answered", async (t) => {
    let attacking = true;
    const statuses = new Map<number, number>();
    const clients = Array.from({ length: 24 }, async (_, client) => {
      // The limit for one address is fifty: beyond it nothing would be hashed.
      for (let number = 0; number < 45 && attacking; number++) {
        const { status } = await guess(`127.0.20.${client + 1}`, `nobody-${client}-${number}`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    });
    const watches = [...before.keys()].map(watchMemory);
    const memory: Awaited<ReturnType<(typeof watches)[number]>>[] = [];
    const ended = Promise.all(clients);
    try {
      // However slow the machine is, and however many are refused meanwhile: so many hashes were made.
      for (let round = 0; round < 16 || ((statuses.get(401) ?? 0) < 48 && round < 150); round++) {
        assert.equal((await region.ask("GET", "/v1/tasks", undefined, token)).status, 200);
        await sleep(500);
      }
    } finally {
      attacking = false;
      await ended;
      for (const watch of watches) memory.push(await watch());
    }
    t.diagnostic(`answers ${JSON.stringify([...statuses])}, most memory ${JSON.stringify(memory)}`);
    assert.ok((statuses.get(401) ?? 0) >= 48, JSON.stringify([...statuses]));
    assert.deepEqual(
      [...statuses.keys()].filter((status) => ![401, 503].includes(status)),
      [],
    );
    for (const { most, samples } of memory)
      assert.ok(samples >= 10 && most > 50 && most < 300, JSON.stringify(memory));
    await assertUnharmed();
  });

  it("guesses at one login are limited by all hosts together, whatever is forged, and with the database away", async () => {
    const { login } = await region.newUser();
    const undo = await region.fault("stop-database");
    try {
      const refused = new Set<unknown>();
      for (let number = 0; number < 40; number++) {
        // Each from another address, which it also claims not to be.
        const forged = { "x-forwarded-for": `203.0.113.${number}`, x_forwarded_for: "203.0.113.200" };
        const { status, retryAfter, host } = await guess(`127.0.30.${number + 1}`, login, forged);
        if (number < 10) assert.ok([401, 503].includes(status), `${number}: ${status}`);
        if (status !== 429) continue;
        assert.ok(retryAfter > 0 && retryAfter <= 61, String(retryAfter));
        refused.add(host);
      }
      assert.deepEqual([...refused].sort(), [...before.keys()]);
      // One address that tries many logins, with a header of its own each time.
      const statuses: number[] = [];
      while (!statuses.includes(429) && statuses.length < 80) {
        const forged = { "x-forwarded-for": `203.0.113.${statuses.length}` };
        statuses.push((await guess("127.0.31.1", `nobody-at-all-${statuses.length}`, forged)).status);
      }
      assert.ok(statuses.includes(429), JSON.stringify(statuses));
    } finally {
      await undo();
    }
    await assertUnharmed();
  });

  it("workers that are killed: others take over, and store what they had counted", async () => {
    const administrator = await region.administrator();
    const { login } = await region.newUser();
    const wrong = { login, password: "a wrong password" };
    const path = "/v1/activity?everyone=true&event=account.sign_in_refused&limit=100";
    const count = async () => {
      const { status, body } = await region.ask("GET", path, undefined, administrator);
      // The balancer's own answer, while no worker is there.
      if (status !== 200) return NaN;
      const events = body["results"] as { at: string; details: { times?: number } }[];
      return events
        .filter(({ at }) => Date.parse(at) >= start)
        .reduce((sum, { details }) => sum + (details.times ?? 1), 0);
    };
    const start = Date.now();
    for (let number = 0; number < 9; number++)
      assert.equal((await region.ask("POST", "/v1/signin", wrong)).status, 401);
    const kill = "kill -9 $(pgrep -u app -P $(systemctl show -P MainPID app.service))";
    await Promise.all([...before.keys()].map((host) => onHost(host, kill)));
    // A part of them may have been stored before.
    await eventually("all refusals", async () => (await count()) === 9);
    await eventually("tasks", async () => (await tasks()) === 200);
    const restarts = async (host: string) =>
      (await onHost(host, "systemctl show -P NRestarts app.service")).trim();
    for (const host of before.keys()) assert.equal(await restarts(host), "0");
    assert.deepEqual(await region.webHosts(), [...before.keys()]);
  });

  it("a locked table: sign-in goes on, tasks are refused in time, and all is well when the lock has gone", async () => {
    const { login } = await region.newUser();
    const sql = "BEGIN; LOCK TABLE tasks_task IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(20)";
    const locked = onHost(region.database, `runuser -u postgres -- psql -qXAtd app -c "${sql}"`);
    await eventually("the lock", async () => (await tasks()) === 503);
    const waiting = Array.from({ length: 40 }, tasks);
    for (let round = 0; round < 8; round++) assert.equal(await signIn(login), 200);
    for (const status of await Promise.all(waiting)) assert.ok([200, 503].includes(status), String(status));
    await locked;
    await assertUnharmed();
  });

  it("a bucket that hangs: tasks go on, sign-in is refused in time, and works when the bucket does", async () => {
    const { login } = await region.newUser();
    await region.hang("s3", 20);
    const waiting = Array.from({ length: 32 }, () => signIn(login));
    for (let round = 0; round < 15; round++) assert.equal(await tasks(), 200);
    for (const status of await Promise.all(waiting)) assert.ok([200, 503].includes(status), String(status));
    assert.ok((await Promise.all(waiting)).includes(503));
    await eventually("sign-in", async () => (await signIn(login)) === 200);
    await assertUnharmed();
  });

  it("a database that is stopped: sign-in goes on, tasks are refused, no host is replaced", async () => {
    const { login } = await region.newUser();
    const undo = await region.fault("stop-database");
    try {
      assert.equal(await tasks(), 503);
      assert.equal(await health(), 503);
      assert.equal(await signIn(login), 200);
    } finally {
      await undo();
    }
    await assertUnharmed();
  });

  it("a peering that carries nothing: sign-in goes on, tasks are refused in time, no host is replaced", async () => {
    const { login } = await region.newUser();
    const undo = await region.fault("cut-peering");
    try {
      for (let round = 0; round < 3; round++) {
        assert.equal(await tasks(), 503);
        assert.equal(await signIn(login), 200);
      }
      assert.equal(await health(), 503);
    } finally {
      await undo();
    }
    await assertUnharmed();
  });

  /** What has to pass however fast the machine is, in milliseconds, until something is done. */
  async function takes(least: number, action: () => Promise<unknown>): Promise<void> {
    const since = performance.now();
    await action();
    assert.ok(performance.now() - since >= least, "the fault is not in force");
  }

  /** Each of the fleet's connections that ended answers one request with a failure. */
  const noneIsLeft = () =>
    eventually("connections that all work", async () => {
      for (let round = 0; round < 40; round++) if ((await tasks()) !== 200) return false;
      return true;
    });

  it("a peering that is slow: tasks take a round trip longer, sign-in goes on, no host is replaced", async () => {
    const { login } = await region.newUser();
    const undo = await region.fault("slow-peering");
    try {
      await noneIsLeft();
      for (let round = 0; round < 10; round++) await takes(12, async () => assert.equal(await tasks(), 200));
      assert.equal(await signIn(login), 200);
      assert.equal(await health(), 200);
    } finally {
      await undo();
    }
    await noneIsLeft();
    await assertUnharmed();
  });

  it("a bucket that is slow: sign-in takes longer for each of its calls, tasks go on", async () => {
    const { login } = await region.newUser();
    const undo = await region.fault("slow-bucket");
    try {
      // It reads the account, and asks again when it writes.
      const signedIn = takes(1500, async () => assert.equal(await signIn(login), 200));
      for (let round = 0; round < 15; round++) assert.equal(await tasks(), 200);
      await signedIn;
    } finally {
      await undo();
    }
    await assertUnharmed();
  });

  it("a bucket that refuses, by npm run fault: sign-in is refused, tasks go on, and Ctrl-C takes it back", async () => {
    const { login } = await region.newUser();
    const command = spawn(process.execPath, ["tools/start.mjs", "local/run/faultMain.ts", "refuse-bucket"], {
      cwd: root,
    });
    let output = "";
    for (const stream of [command.stdout, command.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
    const ended = once(command, "exit");
    try {
      await eventually("the fault", async () => /Ctrl-C takes it back/.test(output));
      assert.match(output, /^refuse-bucket: .*\nWatch for: sign-in/);
      assert.equal(await signIn(login), 503);
      assert.equal(await tasks(), 200);
    } finally {
      command.kill("SIGINT");
    }
    assert.deepEqual(await ended, [0, null], output);
    await eventually("sign-in", async () => (await signIn(login)) === 200);
    await assertUnharmed();
  });

  it("a host that is slow: it stays, and is as before when that is taken back", async () => {
    const [host] = before.keys();
    const undo = await region.fault("slow", host);
    for (let round = 0; round < 20; round++)
      assert.equal((await region.ask("GET", "/v1/tasks", undefined, token)).status, 200);
    await undo();
    await assertUnharmed();
  });

  it("a host whose clock is wrong: nobody notices until it is right again", async () => {
    const [host = ""] = before.keys();
    /** By how many hours the host's answers are ahead. */
    const ahead = async () => {
      const answer = await onHost(host, "curl -si http://127.0.0.1:8000/livez || true");
      const [, date = ""] = /^date: (.*)\r$/im.exec(answer) ?? [];
      return Math.round((Date.parse(date) - Date.now()) / 3_600_000);
    };
    const undo = await region.fault("clock", host);
    try {
      await eventually("the wrong time", async () => (await ahead()) === 2);
    } finally {
      await undo();
    }
    await eventually("the right time", async () => (await ahead()) === 0);
    assert.deepEqual(await region.webHosts(), [...before.keys()]);
  });

  it("an Auto Scaling API that hangs: the fleet cannot be asked, and all else goes on", async () => {
    const administrator = await region.administrator();
    await region.hang("autoscaling", 15);
    const { status, body } = await region.askOnce("GET", "/v1/fleet", undefined, administrator);
    assert.deepEqual([status, body["code"]], [503, "fleet_unavailable"]);
    assert.equal(await tasks(), 200);
    await eventually(
      "the fleet",
      async () => (await region.askOnce("GET", "/v1/fleet", undefined, administrator)).status === 200,
    );
    await assertUnharmed();
  });

  const resize = async (desired: number, administrator: string) => {
    const { status } = await region.ask("PUT", "/v1/fleet", { desired }, administrator);
    assert.equal(status, 200);
  };
  const serving = (count: number) =>
    eventually(`${count} hosts`, async () => (await region.servingHosts()).length === count);

  it("Secrets Manager that hangs: hosts that serve go on, and a new one starts when it is back", async () => {
    const administrator = await region.administrator();
    await region.hang("secretsmanager", 20);
    await resize(3, administrator);
    assert.equal(await tasks(), 200);
    await serving(3);
    await resize(2, administrator);
    await serving(2);
    assert.deepEqual(await liveness.stop(), []);
  });

  it("a zone whose hosts go all at once: the other zone serves, and the fleet becomes whole", async () => {
    const administrator = await region.administrator();
    await resize(4, administrator);
    await serving(4);
    await liveness.stop();
    const members = await region.members();
    const lost = members.filter(({ zone }) => zone === members[0]!.zone).map(({ id }) => id);
    assert.equal(lost.length, 2);
    for (const id of lost) await region.fault("cut-power", id);
    await eventually("answers of the other zone", async () => {
      const statuses = await Promise.all(Array.from({ length: 20 }, tasks));
      return statuses.every((status) => status === 200);
    });
    await eventually("four hosts", async () => {
      const now = await region.servingHosts();
      return now.length === 4 && !lost.some((id) => now.includes(id));
    });
    await resize(2, administrator);
    await serving(2);
  });

  it("what the fleet did, and who wanted it, is told", async () => {
    const administrator = await region.administrator();
    const history = async () => {
      const { status, body } = await region.ask("GET", "/v1/fleet/history", undefined, administrator);
      assert.equal(status, 200);
      return body as {
        changes: { from: number; to: number }[];
        activities: { description: string; cause: string; status: string }[];
      };
    };
    // What was changed last is on its way to the database.
    await eventually("all changes", async () => (await history()).changes.length >= 4);
    const { changes, activities } = await history();
    assert.deepEqual(
      changes.slice(0, 4).map(({ from, to }) => [from, to]),
      [
        [4, 2],
        [2, 4],
        [3, 2],
        [2, 3],
      ],
    );
    const has = (description: RegExp, cause: RegExp) =>
      activities.some((one) => description.test(one.description) && cause.test(one.cause));
    assert.ok(has(/^Launching/, /user request explicitly set .* from 2 to 4/), JSON.stringify(activities));
    assert.ok(has(/^Terminating/, /user request explicitly set .* from 4 to 2/));
    assert.ok(has(/^Terminating/, /health check/));
    assert.ok(has(/^Launching/, /unhealthy instance needing to be replaced/));
  });

  it("the units of ours may do little more than they need", async () => {
    const exposure = async (host: string, unit: string) => {
      const text = await onHost(host, `systemd-analyze security --no-pager ${unit} | tail -n 1`);
      const [, score] = /exposure level for .*: ([\d.]+)/.exec(text) ?? [];
      assert.ok(score, text);
      return Number(score);
    };
    const [web] = await region.webHosts();
    for (const [host, unit] of [
      [web!, "app.service"],
      [region.database, "postgresql@17-main.service"],
      [region.database, "follow-roles.service"],
    ] as const)
      assert.ok((await exposure(host, unit)) <= 2, `${unit}: ${await exposure(host, unit)}`);
  });
});

/** Asks `/livez` all the time, as the balancer does, and keeps what went wrong. */
class Liveness {
  private readonly ending = new AbortController();
  private readonly faults: string[] = [];
  private readonly asking: Promise<void>;

  constructor(private readonly url: string) {
    this.asking = this.keepAsking();
  }

  private async keepAsking(): Promise<void> {
    while (!this.ending.signal.aborted) {
      try {
        const { status } = await fetch(this.url, {
          headers: { connection: "close" },
          signal: AbortSignal.timeout(livenessLimit),
        });
        if (status !== 200) this.faults.push(`answered ${status}`);
      } catch (error) {
        this.faults.push(String(error));
      }
      await sleep(200);
    }
  }

  /** Stops, and answers the faults. */
  async stop(): Promise<readonly string[]> {
    this.ending.abort();
    await this.asking;
    return this.faults;
  }
}
