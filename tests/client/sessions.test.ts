import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { sessionFolder } from "../../client/sessions";
import { password, start } from "./support";

const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

describe("a session", () => {
  it("is a file that only its user reads, in a folder that only its user enters", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await mkdir(user.config, { recursive: true });
    await chmod(user.config, 0o755);
    await user.signIn("ada");
    const files = await readdir(user.config);
    assert.deepEqual(files, [`${encodeURIComponent(service.url)}.json`]);
    assert.equal(await mode(user.config), "700");
    assert.equal(await mode(join(user.config, files[0]!)), "600");
    const text = await readFile(join(user.config, files[0]!), "utf8");
    assert.ok(!text.includes(password));
  });

  it("belongs to one service", async (t) => {
    const { service, user } = await start(t);
    const { service: other, user: stranger } = await start(t);
    for (const one of [service, other]) one.add("ada", password);
    await user.signIn("ada");
    assert.equal((await user.run(["whoami", "--url", other.url])).status, 3);
    assert.equal((await user.run(["whoami"])).status, 0);
    assert.equal((await stranger.run(["whoami"])).status, 3);
  });

  it("is kept where the XDG specification says", () => {
    assert.equal(sessionFolder({ XDG_CONFIG_HOME: "/somewhere" }), "/somewhere/django-on-ec2");
    for (const env of [{}, { XDG_CONFIG_HOME: "relative" }, { XDG_CONFIG_HOME: "" }])
      assert.match(sessionFolder(env), /^\/.*\/\.config\/django-on-ec2$/);
  });

  it("is renewed by itself before its access token ends", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    service.lifetime = 20;
    await user.signIn("ada");
    assert.equal((await user.run(["whoami"])).status, 0);
    assert.equal(service.requests("POST", "/v1/token/refresh").length, 1);
    assert.equal(service.requests("GET", "/v1/account").length, 1);
  });

  it("is renewed when the service has ended its access token, and the request made again", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await user.signIn("ada");
    service.forgetAccessTokens();
    assert.equal((await user.run(["tasks", "add", "Water them"])).status, 0);
    assert.equal(service.accounts.get("ada")!.tasks.length, 1);
  });

  it("is renewed once by any number of processes at a time: none spends a token that is spent", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await user.signIn("ada");
    service.forgetAccessTokens();
    const runs = await Promise.all(Array.from({ length: 6 }, () => user.spawn(["whoami"])));
    assert.deepEqual(
      runs.map(({ status, stderr }) => [status, stderr]),
      runs.map(() => [0, ""]),
    );
    assert.equal(service.requests("POST", "/v1/token/refresh").length, 1);
  });

  it("is forgotten when the service does not renew it", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await user.signIn("ada");
    service.forgetAccessTokens();
    service.faults.push({ on: "POST /v1/token/refresh", fault: { status: 401, body: { detail: "Spent." } } });
    const { status, stderr } = await user.run(["whoami"]);
    assert.equal(status, 3);
    assert.match(stderr, /not signed in any more/);
    assert.deepEqual(await readdir(user.config), []);
  });

  it("is kept while the service is away", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await user.signIn("ada");
    service.forgetAccessTokens();
    const away = { status: 503, headers: { "retry-after": "60" }, body: { detail: "Away." } };
    service.faults.push({ on: "POST /v1/token/refresh", fault: away });
    assert.equal((await user.run(["whoami"])).status, 7);
    assert.equal((await user.run(["whoami"])).status, 0);
  });

  it("survives a lost answer to its renewal", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await user.signIn("ada");
    service.forgetAccessTokens();
    service.faults.push({ on: "POST /v1/token/refresh", fault: "cut" });
    assert.equal((await user.run(["whoami"])).status, 0);
  });

  it("is not held up by the lock of a process that was killed", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await user.signIn("ada");
    const lock = join(user.config, `${encodeURIComponent(service.url)}.json.lock`);
    await mkdir(lock);
    await utimes(lock, new Date(0), new Date(0));
    service.forgetAccessTokens();
    assert.equal((await user.run(["whoami"])).status, 0);
    assert.equal((await readdir(user.config)).length, 1);
  });

  it("waits for the lock of a process that lives", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await user.signIn("ada");
    service.forgetAccessTokens();
    const file = join(user.config, `${encodeURIComponent(service.url)}.json`);
    const holder = spawn(
      process.execPath,
      [
        "-e",
        `require("proper-lockfile").lockSync(process.argv[1], { realpath: false, update: 1000, stale: 5000 });
         process.stdout.write("held"); process.stdin.once("end", () => process.exit()).resume();`,
        file,
      ],
      { cwd: join(__dirname, "..", ".."), stdio: ["pipe", "pipe", "inherit"] },
    );
    t.after(() => holder.kill());
    await once(holder.stdout, "data");
    const run = user.run(["whoami"]);
    // Asked with the old token, and then waits for whoever may be renewing it.
    while (service.requests("GET", "/v1/account").length === 0) await new Promise(setImmediate);
    assert.equal(service.requests("POST", "/v1/token/refresh").length, 0);
    holder.stdin.end();
    assert.equal((await run).status, 0);
  });

  it("that is damaged is named, with what to do", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await user.signIn("ada");
    const file = join(user.config, `${encodeURIComponent(service.url)}.json`);
    await writeFile(file, "{");
    const { status, stderr } = await user.run(["whoami"]);
    assert.equal(status, 1);
    assert.ok(stderr.includes(`${file} is damaged: remove it`));
  });

  it("is gone after signing out, also when the service could not be told", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await user.signIn("ada");
    assert.equal((await user.run(["signout"])).status, 0);
    assert.equal(service.requests("POST", "/v1/signout").length, 1);
    assert.deepEqual(await readdir(user.config), []);
    await user.signIn("ada");
    service.faults.push({ on: "POST /v1/signout", fault: "cut" });
    const { status, stderr } = await user.run(["signout"]);
    assert.equal(status, 7);
    assert.match(stderr, /Sessions elsewhere go on/);
    assert.deepEqual(await readdir(user.config), []);
    assert.equal((await user.run(["signout"])).status, 0);
  });

  it("of whoever changed the password is the new one", async (t) => {
    const { service, user } = await start(t);
    service.add("ada", password);
    await user.signIn("ada");
    const input = `${password}\nsixty-six tulips\n`;
    assert.equal((await user.run(["passwd"], { input })).status, 0);
    assert.equal(service.accounts.get("ada")!.password, "sixty-six tulips");
    service.forgetAccessTokens();
    assert.equal((await user.run(["whoami"])).status, 0);
  });
});
