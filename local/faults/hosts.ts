/** What can happen to one host of the fleet. */
import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import type { Fault, Undo } from "./fault";
import { webRegion } from "../../settings/regions";
import { cut } from "./network";
import { cutPower, onHost } from "./onHost";

/** Takes something back on a host, unless the group has replaced the host meanwhile. */
const undoOnHost =
  (id: string, script: string): Undo =>
  async () => {
    await onHost(id, script).catch((error: unknown) => {
      if (!(error as Error).message.includes("does not run")) throw error;
    });
  };

/** A fault that is a script on the host, and another that takes it back. */
const byScript = (script: string, undo: string) => async (_site: unknown, id: string) => {
  await onHost(id, script);
  return undoOnHost(id, undo);
};

/** Lays a disk over /var that shows what is there and takes nothing more. */
const overVar = (full: string) => `set -e
mkdir -p /run/fault
mount -t tmpfs -o size=1m fault /run/fault
mkdir /run/fault/upper /run/fault/work
${full}`;
const uncoverVar = "umount -l /var; umount -l /run/fault";
const mountOverVar = (options: string) =>
  `mount -t overlay fault -o ${options}lowerdir=/var,upperdir=/run/fault/upper,workdir=/run/fault/work /var`;

/** Answers 500 to everything. */
const broken = `from http.server import *
class Broken(BaseHTTPRequestHandler):
  def do_GET(self): self.send_error(500)
  do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_GET
ThreadingHTTPServer(("", 8000), Broken).serve_forever()`;

export const hostFaults = {
  kill: {
    what: "terminates a host through the API (TerminateInstances)",
    watch: "the group tells why it takes the host out, and starts another at once",
    target: "host",
    async begin({ clients }, id) {
      await clients.in(webRegion).ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
      return undefined;
    },
  },
  "cut-power": {
    what: "ends all that runs on a host at once, as a power cut does",
    watch: "requests that were under way fail for a second; the group starts another host at once",
    target: "host",
    async begin(_site, id) {
      cutPower(id);
      return undefined;
    },
  },
  hang: {
    what: "stops the service's processes, whose port stays open",
    watch:
      "the host notices within 6 s and ends the service; the balancer leaves it out after two failed checks (5 to 10 s); the group replaces it",
    target: "host",
    begin: byScript(
      "systemctl kill --signal=STOP app.service",
      // What the host has ended itself is not taken back.
      "! systemctl --quiet is-active app.service || systemctl kill --signal=CONT app.service",
    ),
  },
  errors: {
    what: "has a host answer 500 to everything",
    watch: "clients get 500 until the balancer leaves the host out; the group replaces it",
    target: "host",
    begin: byScript(
      `systemctl stop app.service && systemd-run --quiet --unit=fault-errors python3 -c '${broken}'`,
      "systemctl stop fault-errors; systemctl start app.service",
    ),
  },
  slow: {
    what: "lets the service's processes run for a tenth of the time only",
    watch: "the latency of every second or third request grows; the host stays, as it answers /livez in time",
    target: "host",
    begin: byScript(
      "systemd-run --quiet --unit=fault-slow bash -c 'while pkill -STOP -u app; do sleep 0.18; pkill -CONT -u app; sleep 0.02; done'",
      "systemctl stop fault-slow; pkill -CONT -u app",
    ),
  },
  "fill-disk": {
    what: "leaves no room for files on a host's /var",
    watch: "the host notices within 5 s and switches itself off; the group replaces it",
    target: "host",
    begin: byScript(overVar(`${mountOverVar("")}\ncat /dev/zero >/var/fill 2>/dev/null || true`), uncoverVar),
  },
  "lose-disk": {
    what: "makes a host's /var read-only, as a kernel does with a disk that fails",
    watch: "the host notices within 5 s and switches itself off; the group replaces it",
    target: "host",
    begin: byScript(overVar(mountOverVar("ro,")), uncoverVar),
  },
  "cut-host": {
    what: "takes a host's network away",
    watch:
      "requests to the host hang; the balancer leaves it out after two failed checks; the group replaces it",
    target: "host",
    begin: (_site, id) => cut(id, "0.0.0.0/0"),
  },
  clock: {
    what: "has the service of one host live two hours ahead, by libfaketime from Debian",
    watch:
      "its answers carry the wrong Date, and its tokens are not valid yet elsewhere; the balancer does not notice",
    target: "host",
    begin: byScript(
      `set -e
apt-get -qq update >/dev/null && apt-get -qq install -y libfaketime >/dev/null
mkdir -p /run/systemd/system/app.service.d
printf '[Service]\\nEnvironment=LD_PRELOAD=%s FAKETIME=+2h\\n' "$(echo /usr/lib/*/faketime/libfaketimeMT.so.1)" \\
  >/run/systemd/system/app.service.d/fault-clock.conf
systemctl daemon-reload
systemctl restart app.service`,
      "rm /run/systemd/system/app.service.d/fault-clock.conf; systemctl daemon-reload; systemctl restart app.service",
    ),
  },
} as const satisfies Record<string, Fault>;
