/** `npm run -s client` and the package's command: runs the client, and tells how it went by its exit status. */
import { run } from "./program";

// Whoever reads only the beginning, as `head` does, wants no more.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});
process.exitCode = 1; // should it ever end without a status of its own
void run(process.argv.slice(2)).then((status) => {
  process.exitCode = status;
});
