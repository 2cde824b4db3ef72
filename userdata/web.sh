# What a host does that boots from the image: it reads its secrets and starts. It installs nothing.
# shellcheck shell=bash
source lib/core.sh
source lib/secrets.sh
source lib/group.sh
source lib/telemetry.sh
SCRIPT=web
run=/run/app

# Of no use to anybody: its group makes another. With its power off it is none to the balancer either, whatever it ran.
give_back() {
  (retry "cannot leave the group" complete_launch ABANDON)
  systemctl poweroff --no-block
}
ON_FAILURE=give_back

step "read the secrets, for the database on $DATABASE_VOLUME_ID"
install -d "$run"
get_secret "$SERVICE_SECRET_ARN" "$SERVICE_SECRET_VERSION" "$run/service.json"
get_secret "$DATABASE_SECRET_ARN" "$DATABASE_SECRET_VERSION" "$run/database.json"
retry "cannot read $DATABASE_CA_KEY from $REPORT_BUCKET (has the database host booted?)" \
  s3_get "$REPORT_BUCKET" "$DATABASE_CA_KEY" "$run/database-ca.pem"
cat >"$run/env" <<ENV
ACCOUNT_BUCKET=$ACCOUNT_BUCKET
ALLOWED_HOSTS="$ALLOWED_HOSTS"
AWS_REGION=$REGION
DATABASE_CA_FILE=$run/database-ca.pem
INSTANCE_ID=$INSTANCE_ID
LEGACY_ROUTES=$LEGACY_ROUTES
CORS_ORIGINS="$CORS_ORIGINS"
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

# An image that was made just now is loaded while it is read: a small host may take minutes. What cannot start says so at once.
step "start the application"
end=$((SECONDS + 300))
systemctl restart app.service || give_up "app.service does not start"

step "wait for /livez"
# Whatever it answers, it will go on to answer: only one that does not answer yet is waited for.
answers() { STATUS=$(curl -s -m 2 -o /dev/null -w '%{http_code}' http://127.0.0.1:8000/livez); }
gone() { (($(systemctl show -P NRestarts app.service) > 1)); }
until answers || gone || ((SECONDS > end)); do sleep 0.2; done
answers || give_up "the service does not answer at /livez"
[[ $STATUS == 200 ]] || give_up "the service answers $STATUS at /livez"

step "join the group"
retry "cannot join the group" complete_launch CONTINUE

# The service answers from memory: nobody would notice a disk that has failed.
step "watch the disk"
systemd-run --quiet --unit=disk-watch --collect \
  bash -c 'while echo writable >/var/lib/disk-watch; do sleep 5; done; systemctl poweroff'
# The port of a service that hangs stays open: requests wait in it, and each of the balancer's checks until its time-out. Closed,
# it refuses both at once. A service that is away for another reason refuses by itself, and comes back by itself.
step "watch the service"
systemd-run --quiet --unit=service-watch --collect \
  bash -c 'while sleep 1; do
  answered=0
  curl -s -m 5 -o /dev/null http://127.0.0.1:8000/livez || answered=$?
  ((answered == 28)) || continue
  echo "the service has not answered for 5 s: it is ended, and the group replaces the host"
  systemctl stop --no-block app.service
  exec systemctl kill --signal=KILL app.service
done'
# The agent reads files, and the service writes to the journal, which knows its limits: what is sent passes through two files of
# 16 MiB.
relay_journal() {
  local log=/var/log/app/service.log
  install -d "${log%/*}"
  cat >/etc/systemd/system/app-log.service <<UNIT
[Unit]
Description=Log of the application, for CloudWatch's agent

[Service]
Environment=PYTHONUTF8=1
ExecStart=/bin/bash -c 'journalctl -u app.service -b -n all -f -o cat --no-pager | python3 /usr/local/lib/app-log.py $log'
Restart=always
RestartSec=5
UNIT
  cat >/usr/local/lib/app-log.py <<'PYTHON'
import logging, logging.handlers, sys
relay = logging.handlers.RotatingFileHandler(sys.argv[1], maxBytes=16 << 20, backupCount=1)
for line in sys.stdin:
    relay.emit(logging.makeLogRecord({"msg": line.rstrip("\n")}))
PYTHON
  systemctl daemon-reload
  systemctl restart app-log.service
}
if [[ -n $TELEMETRY_LOG_GROUP ]]; then
  relay_journal
  start_telemetry /var/log/app/service.log "$LOG"
fi

# Not ready is no failure: sign-in works without the database. A roll-out's gate insists on it, and goes by the newest report:
# the host reports now and goes on asking, longer than the gate waits, and reports again whenever the answer changes.
step "ask /readyz"
ask() {
  : >"$WORK/readyz"
  [[ $(curl -s -m 10 -o "$WORK/readyz" -w '%{http_code}' http://127.0.0.1:8000/readyz) == 200 ]] && READY=true || READY=false
}
note_readiness() {
  python3 - "$READY" "$WORK/readyz" >"$WORK/facts.json" <<'PYTHON'
import json, sys
with open(sys.argv[2], errors="replace") as file:
    print(json.dumps({"ready": sys.argv[1] == "true", "readiness": file.read(500)}))
PYTHON
}
watch_readiness() {
  trap - ERR
  set +e
  tail -s 0.2 --pid=$$ -f /dev/null # the boot's own report comes first, and its work folder goes with it
  mkdir -m 700 "$WORK"
  local told=$READY end=$((SECONDS + 1800))
  while ((SECONDS < end)); do
    sleep 2
    ask
    [[ $READY == "$told" ]] || { note_readiness && report 0 && told=$READY; }
  done
  rm -rf "$WORK"
}
ask
note_readiness
[[ $READY == true ]] || printf 'not ready: %s\n' "$(<"$WORK/facts.json")"
watch_readiness </dev/null >/dev/null 2>&1 &
