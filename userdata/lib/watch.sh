# What looks after the running database: a volume that has grown, one that fills up, and what only PostgreSQL knows of itself.
# shellcheck shell=bash

# Above the first of them, in percent, nothing is written any more, so that what is written stays; below the second it is again.
readonly PROTECTED_FROM=95 WRITTEN_BELOW=90

# fill FOLDER: how full its file system is, in percent
fill() { df --output=pcent "$1" | tr -dc 0-9; }

# watch_database DEVICE FOLDER SETTINGS: once. It prints a line of JSON, with a level and a message when somebody should act, and
# leaves it for `watched`.
watch_database() {
  local size used line seen=${RUNTIME_DIRECTORY:?}/size read_only=$3/read-only.conf away="PostgreSQL does not answer"
  size=$(blockdev --getsize64 "$1")
  if [[ $size != "$(cat "$seen" 2>/dev/null)" ]] && xfs_growfs "$2" >/dev/null; then
    printf '%s' "$size" >"$seen"
  fi
  used=$(fill "$2")
  if ((used >= PROTECTED_FROM)) && [[ ! -s $read_only ]]; then
    echo 'default_transaction_read_only = on' >"$read_only"
    systemctl --no-block reload postgresql@17-main
  elif ((used < WRITTEN_BELOW)) && [[ -s $read_only ]]; then
    : >"$read_only"
    systemctl --no-block reload postgresql@17-main
  fi
  ((used < 99)) || away+=": its volume is full, raise databaseVolumeGiB and deploy"
  line=$(figures "$used" "$(timedatectl show -P NTPSynchronized)") ||
    line=$(printf '{"logger": "database", "level": "error", "diskUsedPercent": %d, "message": "%s"}' "$used" "$away")
  printf '%s\n' "$line" | tee "$RUNTIME_DIRECTORY/line.new"
  mv "$RUNTIME_DIRECTORY/line.new" "$RUNTIME_DIRECTORY/line"
}

# figures DISK-USED-PERCENT CLOCK-SYNCHRONIZED, as the monitor, who reads no row
figures() {
  timeout 15 setpriv --reuid monitor --regid monitor --clear-groups psql -qXAt -v ON_ERROR_STOP=1 -v used="$1" -v clock="$2" -U monitor "$DATABASE_NAME" <<'SQL'
WITH seen AS (SELECT
    (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
    current_setting('max_connections')::int AS most,
    (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::int FROM pg_stat_activity
      WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) AS oldest,
    (SELECT coalesce(max(100 * n_dead_tup / (n_live_tup + n_dead_tup)), 0) FROM pg_stat_user_tables WHERE n_dead_tup > 10000) AS dead,
    (SELECT max(age(datfrozenxid)) FROM pg_database) AS age),
told AS (SELECT *, concat_ws('; ',
    CASE WHEN :used >= 95 THEN 'the volume is almost full, and nothing is written any more: raise databaseVolumeGiB and deploy'
      WHEN :used >= 80 THEN 'the volume fills up: raise databaseVolumeGiB and deploy' END,
    CASE WHEN connections * 10 > most * 8 THEN 'connections run out: see pg_stat_activity' END,
    CASE WHEN oldest > 300 THEN 'a transaction has been open for more than five minutes: end it with pg_terminate_backend' END,
    CASE WHEN dead > 20 THEN 'a fifth of a table are dead rows: see what keeps autovacuum from it' END,
    CASE WHEN age > 500000000 THEN 'transaction numbers run out: see what keeps autovacuum from it' END) AS message FROM seen)
SELECT json_build_object('logger', 'database', 'level', CASE WHEN message = '' THEN 'info' ELSE 'warning' END, 'message', message,
    'diskUsedPercent', :used,
    'connections', connections, 'maxConnections', most, 'oldestTransactionSeconds', oldest, 'deadRowsPercent', dead,
    'transactionAge', age, 'clockSynchronized', :'clock' = 'yes') FROM told;
SQL
}

# watched LINE CERTIFICATE...: what CloudWatch is told of the last look, unless that is too old to say anything, and of how long the
# first of the certificates is still good: lines of a name, a unit and a value.
watched() {
  python3 - "$1" <<'PYTHON'
import json, os, sys, time
path = sys.argv[1]
if os.path.exists(path) and time.time() - os.stat(path).st_mtime < 120:
    line = json.load(open(path))
    print("database_disk_used", "Percent", line["diskUsedPercent"], sep="\n")
    if "connections" in line:
        print("database_connections_used", "Percent", round(100 * line["connections"] / line["maxConnections"]), sep="\n")
        print("database_oldest_transaction", "Seconds", line["oldestTransactionSeconds"], sep="\n")
PYTHON
  local certificate ends least=
  for certificate in "${@:2}"; do
    ends=$(date -d "$(openssl x509 -in "$certificate" -noout -enddate | cut -d= -f2)" +%s)
    [[ $least && $least -le $ends ]] || least=$ends
  done
  printf 'database_certificate_left\nSeconds\n%d\n' "$((least - $(date +%s)))"
}
