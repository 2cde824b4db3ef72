import { createServer } from "node:net";
import { run } from "../exec";

/** The process that listens on a port of the machine, if any. */
export async function portHolder(address: string, port: number): Promise<string | undefined> {
  const isFree = await new Promise<boolean>((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(false) : reject(new Error(error.message, { cause: error })),
    );
    probe.listen(port, address, () => probe.close(() => resolve(true)));
  });
  if (isFree) return undefined;
  // Others may have the port at addresses of their own.
  const at = (source: string) => run("ss", ["-Hltnp", `src ${source}:${port}`]);
  const listening = (await at(address)) || (await at("0.0.0.0")) || (await at("[::]"));
  const [, name, pid] = /users:\(\("([^"]+)",pid=(\d+)/.exec(listening) ?? [];
  return name === undefined ? "another process" : `${name} (process ${pid})`;
}
