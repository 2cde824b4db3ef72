// @ts-check
// Hands over what it is sent after a while, both ways: `node relay.mjs PORT HOST PORT MILLISECONDS`.
import { connect, createServer } from "node:net";

const [listenPort = "", host = "", port = "", delay = ""] = process.argv.slice(2);

/**
 * @param {import("node:net").Socket} from
 * @param {import("node:net").Socket} to
 */
function handOver(from, to) {
  const later = (/** @type {() => void} */ action) => setTimeout(action, Number(delay));
  from.on("data", (data) => later(() => to.write(data)));
  from.on("end", () => later(() => to.end()));
  from.on("error", () => to.destroy());
  from.on("close", () => later(() => to.destroy()));
}

createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const server = connect({ host, port: Number(port), allowHalfOpen: true, noDelay: true });
  handOver(client, server);
  handOver(server, client);
}).listen(Number(listenPort), "127.0.0.1", () => process.stdout.write("listening\n"));
