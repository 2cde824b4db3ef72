import { runInSandbox } from "../tests/support/sandbox";

/**
 * Compares the servers that could run the service, on the Debian release of its hosts: `bench/server.py --help` says with
 * which options, which come after the bench's name.
 */
export async function benchServer(options: readonly string[]): Promise<void> {
  await runInSandbox(["/opt/venv/bin/python", "/src/bench/server.py", ...options], (chunk) => {
    process.stdout.write(chunk);
  });
}
