#!/usr/bin/env bash
# The session that README.md shows under "With Pulumi's engine", in a fresh clone of this one, whole, with a client of the load balancer
# that asks all the while: bash tools/session.sh > session.txt. It needs what `npm run region` needs, and takes some ten minutes.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(mktemp -d)
pids=()
end() {
  for pid in "${pids[@]}"; do
    kill -INT "$pid" 2>/dev/null && wait "$pid" || true
  done
  rm -rf "$folder"
}
trap end EXIT
git clone -q "$root" "$folder"
cd "$folder"

npm run region > region.log 2>&1 &
pids+=($!)
until [ -e .local/engine.env ]; do
  kill -0 "${pids[0]}" || { cat region.log >&2; exit 1; }
  sleep 1
done

# Shows a command and what it prints, whether it succeeds or not.
run() {
  printf '$ %s\n' "$1"
  bash -c "$1" 2>&1 || true
  echo
}

run 'npm run -s local:up -- --yes --skip-preview'

url=$(node -e '
  const { readFileSync } = require("node:fs");
  const { checkpoint } = JSON.parse(readFileSync(process.argv[1], "utf8"));
  console.log(checkpoint.latest.resources[0].outputs.serviceUrl);
' "$(find .local -path '*/stacks/*' -name local.json)")
node -e '
  const counts = { requests: 0, failed: 0 };
  const ask = async () => {
    counts.requests++;
    const answer = await fetch(`${process.argv[1]}/livez`, { signal: AbortSignal.timeout(10000) }).catch(() => undefined);
    if (!answer?.ok) counts.failed++;
    await answer?.text();
    setTimeout(ask, 100);
  };
  process.on("SIGINT", () => { console.log(JSON.stringify(counts)); process.exit(); });
  ask();
' "$url" > client.log &
client=$!
pids+=("$client")

run 'echo "# changed" >> app/service/__main__.py'
run 'npm run -s local:preview'
run 'npm run -s local:up -- --yes --skip-preview'
run "sed -i '1i raise RuntimeError(\"this application does not boot\")' app/service/__main__.py"
run 'npm run -s local:up -- --yes --skip-preview'
run 'npm run -s local:up -- --yes --skip-preview'
run 'sed -i 1d app/service/__main__.py'
run 'npm run -s local:up -- --yes --skip-preview'

kill -INT "$client"
wait "$client" || true
echo "a client, every 0.1 s: $(cat client.log)"
