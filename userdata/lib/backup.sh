# Backups and restores of the cluster by pgBackRest, to a bucket of another region. Each generation of the cluster has a
# repository of its own in it, which no other generation may write: a restore reads one and begins the next. Reads GENERATION,
# RESTORE_FROM, RESTORE_TO, BACKUP_BUCKET, BACKUP_REGION, BACKUP_SECRET_ARN, BACKUP_FULLS,
# DATABASE_HOSTNAME, and the places `home`, `data` and `bin` of the cluster.
# shellcheck shell=bash
source lib/confined.sh
source lib/json.sh
source lib/logins.sh
source lib/secrets.sh

backrest() { as_postgres pgbackrest --stanza=main "$@" 2>"$WORK/error"; }

# Before the cluster is found, made or restored: from its first start on it archives.
configure_backups() {
  step "configure backups"
  get_secret "$BACKUP_SECRET_ARN" "" "$WORK/backup.json"
  install -d -o postgres -g postgres -m 700 "$home/pgbackrest"
  local size
  size=$(df --output=size -B1 "$home" | tail -n 1)
  put /etc/pgbackrest.conf postgres 600 <<CONF
[global]
repo1-type=s3
repo1-path=/$GENERATION
repo1-s3-bucket=$BACKUP_BUCKET
repo1-s3-region=$BACKUP_REGION
repo1-s3-endpoint=s3.$BACKUP_REGION.amazonaws.com
repo1-s3-uri-style=path
repo1-s3-key-type=auto
repo1-storage-ca-file=/etc/ssl/certs/ca-certificates.crt
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=$(field "$WORK/backup.json" passphrase)
repo1-bundle=y
repo1-block=y
repo1-retention-full=$BACKUP_FULLS
compress-type=zst
start-fast=y
lock-path=/run/postgresql
log-level-console=off
log-level-stderr=warn
log-level-file=off
[global:archive-push]
archive-async=y
spool-path=$home/pgbackrest
archive-push-queue-max=$((size / 4))
[main]
pg1-path=$data
pg1-user=backup
pg1-socket-path=/run/postgresql
CONF
  rm "$WORK/backup.json"
}

# repository GENERATION: what pgBackRest knows of a generation's repository, in $WORK/repository.json
repository() { as_postgres pgbackrest --repo1-path="/$1" --output=json info >"$WORK/repository.json" 2>"$WORK/error"; }

# labels: of the backups in $WORK/repository.json, the newest first
labels() {
  python3 - "$WORK/repository.json" <<'PYTHON'
import json, sys
for stanza in json.load(open(sys.argv[1])):
    for backup in reversed(stanza["backup"]):
        print(backup["label"])
PYTHON
}

# An empty volume whose repository is in use is no reason to begin anew: somebody lost a cluster.
refuse_lost_cluster() {
  retry "cannot read the repository of backups (may the instance's role?)" repository "$GENERATION"
  [[ $(<"$WORK/repository.json") == "[]" ]] ||
    fail "$DATA_VOLUME_ID is empty, and generation $GENERATION of the database has a repository of backups: raise databaseGeneration by one to restore it on a new volume; nothing was changed"
}

scratch_sql() { as_postgres psql -qXAt -v ON_ERROR_STOP=1 -h "$1" -c "$3" "$2"; } # DIRECTORY DATABASE SQL

# recover DIRECTORY GENERATION OPTION...: has a cluster recovered from a repository and promoted. It then runs, reached by a
# socket in its directory only; it archives nothing.
recover() {
  local directory=$1 generation=$2
  shift 2
  rm -rf "$directory"
  if ((EUID)); then mkdir -m 700 "$directory"; else install -d -o postgres -g postgres -m 700 "$directory"; fi
  backrest --repo1-path="/$generation" --pg1-path="$directory" "$@" restore || return
  # The parameters of the cluster that was backed up are checked for standbys only: it needs far less memory.
  as_postgres "$bin/pg_ctl" -D "$directory" -sw -t 600 -l "$directory/recovery.log" -o "-c listen_addresses= \
    -c unix_socket_directories=$directory -c hot_standby=off -c archive_mode=off -c max_connections=20 -c shared_buffers=64MB -c jit=off" start &>/dev/null || true
  until scratch_sql "$directory" postgres 'SELECT 1' &>/dev/null; do
    if ! as_postgres "$bin/pg_ctl" -D "$directory" status &>/dev/null; then
      (grep -E 'FATAL|PANIC' "$directory/recovery.log" || tail -n 5 "$directory/recovery.log") | grep -v 'not accepting' | tail -n 2 >"$WORK/error"
      return 1
    fi
    sleep 0.5
  done
}

end_scratch() { as_postgres "$bin/pg_ctl" -D "$1" -sw -m fast stop; }

# record NAME: $WORK/NAME.json is for whoever looks, in the journal and in the bucket
record() {
  printf '%s: %s\n' "$1" "$(<"$WORK/$1.json")"
  s3_put "$REPORT_BUCKET" "records/$1.json" "$WORK/$1.json" application/json
}

# restore_cluster DIRECTORY: the cluster of an earlier generation, up to RESTORE_TO, stopped
restore_cluster() {
  local directory=$1 found label options=() facts
  step "restore generation $RESTORE_FROM of the database${RESTORE_TO:+ to $RESTORE_TO}"
  retry "cannot read the repository of generation $RESTORE_FROM" repository "$RESTORE_FROM"
  found=$(labels)
  [[ -n $found ]] || fail "generation $RESTORE_FROM of the database has no backup in $BACKUP_BUCKET: give another databaseRestoreFrom"
  case $RESTORE_TO in
    '') options=(--type=default) ;;
    name:*) options=(--type=name --target="${RESTORE_TO#name:}" --target-action=promote) ;;
    *) options=(--type=time --target="$RESTORE_TO" --target-action=promote) ;;
  esac
  if [[ $RESTORE_TO == name:* ]]; then
    # Nobody knows when a name was given: it is behind the newest backup, or one before.
    for label in $found; do
      ! recover "$directory" "$RESTORE_FROM" "${options[@]}" --set="$label" || break
      label=
    done
    [[ -n $label ]] || fail "no backup of generation $RESTORE_FROM leads to ${RESTORE_TO#name:}: $(tail -c 400 "$WORK/error")"
  else
    recover "$directory" "$RESTORE_FROM" "${options[@]}" ||
      fail "generation $RESTORE_FROM cannot be restored${RESTORE_TO:+ to $RESTORE_TO}: $(tail -c 400 "$WORK/error")"
  fi
  facts=$(scratch_sql "$directory" postgres "SELECT json_build_object('generation', $GENERATION, 'from', $RESTORE_FROM,
    'target', '$RESTORE_TO', 'lastCommit', pg_last_xact_replay_timestamp(), 'lastWal', pg_walfile_name(pg_last_wal_replay_lsn()),
    'finishedAt', now())")
  end_scratch "$directory"
  rm "$directory/recovery.log"
  printf '%s' "$facts" >"$WORK/restore.json"
  retry "cannot write records/restore.json" record restore
}

# After an upgrade of PostgreSQL the repository is there already, and of another version.
make_stanza() { backrest stanza-create || backrest stanza-upgrade; }

# When the cluster runs.
start_backups() {
  step "connect the repository of backups"
  retry "pgBackRest cannot make its repository" make_stanza
  # Has a segment archived, and waits for it.
  retry "what the cluster archives does not arrive" backrest check
  step "follow the schedule of backups"
  program
  unit database-backup 'Backs the database up' 6h '*-*-* 02:00' 2h
  unit database-drill 'Restores the newest backup aside and checks it' 12h 'Sun *-*-* 05:00' 2h
  unit database-figures 'Tells CloudWatch how the database, its backups and its drills are' 5min '*-*-* *:0/5' 30s
  systemctl daemon-reload
  local name
  for name in backup drill figures; do systemctl enable -q --now "database-$name.timer"; done
  repository "$GENERATION" || true
  [[ -n $(labels) ]] || systemctl start --no-block database-backup.service
}

# program: what the units run, with this script's functions
program() {
  {
    echo '#!/bin/bash'
    declare -p REPORT_BUCKET REPORT_REGION REPORT_ROLE_ID GENERATION DATABASE_HOSTNAME BACKUP_BUCKET REGION INSTANCE_ID SCRIPT \
      LC_ALL home data bin TLS
    declare -f
    cat <<'SCRIPT'
set -Eeuo pipefail
umask 077
STEP=$1 LOG=/dev/null LOG_START=0
WORK=$(mktemp -d /tmp/database.XXXXXX)
trap 'rm -rf "$WORK"' EXIT
case $1 in
  database-backup) run_backup ;;
  database-drill) run_drill ;;
  *) run_figures ;;
esac
SCRIPT
  } | put /usr/local/sbin/database-backups postgres 500
}

# unit NAME DESCRIPTION TIMEOUT CALENDAR SPREAD
unit() {
  put "/etc/systemd/system/$1.service" root 644 <<UNIT
[Unit]
Description=$2
# The boot's own work comes first.
After=cloud-final.service postgresql@17-main.service
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/database-backups $1
TimeoutStartSec=$3
User=postgres
Nice=10
IOSchedulingClass=idle
ReadWritePaths=$home /run/postgresql
$(confined)
UNIT
  put "/etc/systemd/system/$1.timer" root 644 <<UNIT
[Unit]
Description=$2
[Timer]
OnCalendar=$4
RandomizedDelaySec=$5
Persistent=true
[Install]
WantedBy=timers.target
UNIT
}

# outcome NAME COMMAND...: does it and records how it went: its status is in OUTCOME, what it has to tell in $WORK/facts
outcome() {
  local name=$1 started=$SECONDS
  shift
  : >"$WORK/error"
  echo '{}' >"$WORK/facts"
  # Not in a condition: there, a command that fails would not end it.
  set +e
  (
    set -e
    "$@"
  )
  OUTCOME=$?
  set -e
  python3 - "$WORK" "$OUTCOME" "$GENERATION" "$((SECONDS - started))" >"$WORK/$name.json" <<'PYTHON'
import datetime, json, sys
work, status, generation, seconds = sys.argv[1:]
error = " ".join(open(work + "/error", errors="replace").read().split())[-800:]
print(json.dumps({
    "succeeded": status == "0", "generation": int(generation), "seconds": int(seconds),
    "finishedAt": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    **json.load(open(work + "/facts")), **({} if status == "0" else {"error": error or f"ended with status {status}"}),
}))
PYTHON
  record "$name" || cat "$WORK/error" >&2
}

run_backup() {
  outcome backup back_up
  run_figures
  return "$OUTCOME"
}

# A full one each week, and when there is none; what changed since, on the other days.
back_up() {
  local type
  repository "$GENERATION"
  type=$(python3 - "$WORK/repository.json" <<'PYTHON'
import json, sys, time
fulls = [b["timestamp"]["stop"] for s in json.load(open(sys.argv[1])) for b in s["backup"] if b["type"] == "full"]
print("diff" if fulls and time.time() - max(fulls) < 6.5 * 86400 else "full")
PYTHON
  )
  backrest --type="$type" backup
  repository "$GENERATION"
  printf '{"type": "%s", "label": "%s"}' "$type" "$(labels | head -n 1)" >"$WORK/facts"
}

# figures NAME UNIT VALUE ...: to CloudWatch
put_figures() {
  local query=(-d Action=PutMetricData -d Version=2010-08-01 -d Namespace=django-on-ec2) n=0 member
  while (($#)); do
    member=MetricData.member.$((++n))
    query+=(-d "$member.MetricName=$1" -d "$member.Unit=$2" -d "$member.Value=$3"
      -d "$member.Dimensions.member.1.Name=database" -d "$member.Dimensions.member.1.Value=$DATABASE_HOSTNAME")
    shift 3
  done
  aws_request monitoring "$REGION" / "$WORK/response" "${query[@]}"
}

run_figures() {
  local figures
  mapfile -t figures < <(watched /run/watch-database/line "$TLS/server.pem" "$TLS/ca-$(<"$TLS/version").pem")
  printf '%s %s %s\n' "${figures[@]}"
  put_figures "${figures[@]}"
  repository "$GENERATION" || return
  mapfile -t figures < <(python3 - "$WORK/repository.json" "$data" "$home/pgbackrest/drilled" <<'PYTHON'
import json, os, sys, time
repository, data, drilled = sys.argv[1:]
now, day = time.time(), 86400
made = os.stat(data + "/PG_VERSION").st_mtime
stops = [b["timestamp"]["stop"] for s in json.load(open(repository)) for b in s["backup"]]
last_drill = os.stat(drilled).st_mtime if os.path.exists(drilled) else made
ready = [f for f in os.scandir(data + "/pg_wal/archive_status") if f.name.endswith(".ready")]
def age(entry):
    try: return now - entry.stat().st_mtime
    except FileNotFoundError: return 0
for figure in (
    ("database_backup_age", "Seconds", int(now - max(stops, default=made))), ("database_drill_age", "Seconds", int(now - last_drill)),
    ("database_wal_waiting", "Bytes", len(ready) * 16 * 2**20), ("database_wal_delay", "Seconds", int(max(map(age, ready), default=0))),
):
    print(*figure, sep="\n")
PYTHON
  )
  printf '%s %s %s\n' "${figures[@]}"
  put_figures "${figures[@]}"
}

run_drill() {
  outcome drill drill
  rm -rf "$home/drill"
  ((OUTCOME)) || touch "$home/pgbackrest/drilled"
  run_figures
  return "$OUTCOME"
}

# Rows of each table of each database, and how many were inserted and deleted: `database.schema.table rows changes`
count_rows() { # DIRECTORY
  local database
  for database in $(scratch_sql "$1" postgres 'SELECT datname FROM pg_database WHERE datallowconn'); do
    scratch_sql "$1" "$database" "SELECT format('%s.%s.%s ', current_database(), schemaname, relname) ||
      (xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %I.%I', schemaname, relname), true, true, '')))[1] ||
      ' ' || n_tup_ins + n_tup_del FROM pg_stat_user_tables ORDER BY 1"
  done
}

# Restores the newest backup aside, recovers it to a marker that was written after it, and looks at what came out.
drill() {
  local scratch=$home/drill marker free needed
  marker=drill-$(date +%s)
  needed=$(scratch_sql /run/postgresql postgres 'SELECT (sum(pg_database_size(datname)) * 5 / 4)::bigint FROM pg_database')
  free=$(df --output=avail -B1 "$home" | tail -n 1)
  ((free > needed)) || {
    echo "the volume has $free bytes free and a restore aside needs $needed: grow databaseVolumeGiB" >"$WORK/error"
    return 1
  }
  count_rows /run/postgresql >"$WORK/before"
  scratch_sql /run/postgresql postgres "CREATE TABLE IF NOT EXISTS drill_marker (name text NOT NULL);
    TRUNCATE drill_marker; INSERT INTO drill_marker VALUES ('$marker')"
  # By itself: the point must come after the commit.
  scratch_sql /run/postgresql postgres "SELECT pg_create_restore_point('$marker')" >/dev/null
  backrest check # ends the segment, and waits until it is there
  repository "$GENERATION"
  recover "$scratch" "$GENERATION" --type=name --target="$marker" --target-action=promote
  [[ $(scratch_sql "$scratch" postgres 'SELECT name FROM drill_marker') == "$marker" ]] || {
    echo "the marker $marker is not in what was restored" >"$WORK/error"
    return 1
  }
  as_postgres "$bin/pg_amcheck" -h "$scratch" --all --install-missing --heapallindexed 2>&1 | tail -n 5 >"$WORK/error"
  count_rows "$scratch" >"$WORK/restored"
  count_rows /run/postgresql >"$WORK/after"
  python3 - "$WORK" "$marker" "$(labels | head -n 1)" >"$WORK/found" 2>"$WORK/error" <<'PYTHON'
import json, sys
work, marker, label = sys.argv[1:]
def read(name):
    lines = (line.rsplit(" ", 2) for line in open(f"{work}/{name}"))
    return {table: (int(rows), int(changes)) for table, rows, changes in lines if not table.endswith(".drill_marker")}
before, after, restored = map(read, ("before", "after", "restored"))
for table, (rows, changes) in before.items():
    if table not in after:
        continue
    meanwhile = after[table][1] - changes
    there = restored.get(table, (None,))[0]
    if there is None or abs(there - rows) > meanwhile:
        sys.exit(f"{table} has {there} rows where {rows} were, and {meanwhile} changed meanwhile")
print(json.dumps({"backup": label, "marker": marker, "tables": len(restored), "rows": sum(r for r, _ in restored.values())}))
PYTHON
  mv "$WORK/found" "$WORK/facts"
  end_scratch "$scratch"
}
