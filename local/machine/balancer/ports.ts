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
  const listening = await run("ss", ["-Hltnp", `sport = :${port}`]);
  const [, name, pid] = /users:\(\("([^"]+)",pid=(\d+)/.exec(listening) ?? [];
  return name === undefined ? "another process" : `${name} (process ${pid})`;
}
