# What a host does that boots from the image: it reads its secrets and starts. It installs nothing.
# shellcheck shell=bash
SCRIPT=web
run=/run/app

step "read the secrets, for the database on $DATABASE_VOLUME_ID"
install -d "$run"
get_secret "$SERVICE_SECRET_ARN" "$run/service.json"
get_secret "$DATABASE_SECRET_ARN" "$run/database.json"
retry "cannot read tls/postgres-ca.pem from $REPORT_BUCKET (has the database host booted?)" \
  s3_get "$REPORT_BUCKET" tls/postgres-ca.pem "$run/database-ca.pem"
cat >"$run/env" <<ENV
ACCOUNT_BUCKET=$ACCOUNT_BUCKET
ALLOWED_HOSTS="$ALLOWED_HOSTS"
AWS_REGION=$REGION
DATABASE_CA_FILE=$run/database-ca.pem
INSTANCE_ID=$INSTANCE_ID
ENV

# The service logs JSON: of an exception, its last lines say what is wrong.
give_up() {
  journalctl -u app.service -n 20 --no-pager -o cat | python3 -c '
import json, sys
for line in sys.stdin:
    try:
        entry = json.loads(line)
        line = "\n".join((entry["message"] + "\n" + entry.get("exception", "")).rstrip().splitlines()[-5:]) + "\n"
    except (KeyError, TypeError, ValueError):
        pass
    sys.stdout.write(line)'
  fail "$1: the reason is at the end of its log"
}

step "start the application"
systemctl restart app.service || give_up "app.service does not start"

step "wait for /livez"
alive() { curl -sf -m 2 -o /dev/null http://127.0.0.1:8000/livez; }
gone() { (($(systemctl show -P NRestarts app.service) > 1)); }
for ((i = 0; i < 150; i++)); do
  if alive || gone; then break; fi
  sleep 0.2
done
alive || give_up "the service does not answer at /livez"

# No failure: sign-in works without the database. A roll-out's gate insists on it.
step "ask /readyz"
ready() { [[ $(curl -s -m 5 -o "$WORK/readyz" -w '%{http_code}' http://127.0.0.1:8000/readyz) == 200 ]]; }
READY=false
for ((i = 0; i < 20; i++)); do
  if ready; then READY=true && break; fi
  sleep 0.5
done
[[ $READY == true ]] || printf 'not ready: %s\n' "$(head -c 500 "$WORK/readyz" || true)"
