# A PostgreSQL 17 host whose data, certificates included, live on a volume that outlives it. It is fetched: fetch.sh.
# shellcheck shell=bash
source lib/core.sh
source lib/wait.sh
source lib/agent.sh
source lib/logins.sh
source lib/confined.sh
source lib/certificates.sh
source lib/telemetry.sh
source lib/watch.sh
source lib/upgrade.sh
source lib/backup.sh
device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${DATA_VOLUME_ID/-/}
home=/var/lib/postgresql
data=$home/17/main
TLS=$home/tls
config=/etc/postgresql/17/main
bin=/usr/lib/postgresql/17/bin
server_log=/var/log/postgresql/postgresql-17-main.log

# put FILE OWNER MODE: writes standard input there if it differs
put() {
  cat >"$WORK/put"
  cmp -s "$WORK/put" "$1" && return
  install -D -o "$2" -g "$2" -m "$3" "$WORK/put" "$1.new"
  sync "$1.new"
  mv "$1.new" "$1"
}

step "create the postgres user"
# Fixed ids: the next host must own the same files.
getent group postgres >/dev/null || groupadd --system -g 750 postgres
getent passwd postgres >/dev/null || useradd --system -u 750 -g postgres -d "$home" -M -s /bin/bash postgres
getent passwd monitor >/dev/null || useradd --system -M monitor

step "install PostgreSQL 17"
put /etc/postgresql-common/createcluster.d/app.conf root 644 <<<'create_main_cluster = false'
packages postgresql-17 pgbackrest unattended-upgrades xfsprogs logrotate
# A point release restarts the database, and so does a library of it: that is the operator's decision.
put /etc/apt/apt.conf.d/52postgresql root 644 <<'CONF'
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
Unattended-Upgrade::Package-Blacklist { "^postgresql-17$"; };
Unattended-Upgrade::Automatic-Reboot "false";
CONF
put /etc/needrestart/conf.d/postgresql.conf root 644 <<'CONF'
$nrconf{override_rc}{qr(^postgresql)} = 0;
CONF
[[ $SESSION_MANAGER != true ]] || session_manager

step "wait for the data volume $DATA_VOLUME_ID, as its host number $HOST_VERSION"
wait_for 300 "$DATA_VOLUME_ID is not attached after 300 s: attach it to $INSTANCE_ID and reboot it" test -b "$device"

step "mount the data volume"
status=0
found=$(blkid -p -s TYPE -s LABEL -s PTTYPE -o export "$device") || status=$?
if ((status == 2)); then
  mkfs.xfs -q -L postgresql "$device"
elif ((status)) || ! grep -qx TYPE=xfs <<<"$found" || ! grep -qx LABEL=postgresql <<<"$found"; then
  fail "$DATA_VOLUME_ID holds something else ($(tail -n +2 <<<"$found" | xargs)), which is left alone: give the host an empty volume or one of its own"
fi
uuid=$(blkid -p -s UUID -o value "$device")
sed -i "\\# $home #d" /etc/fstab
echo "UUID=$uuid $home xfs noatime,nofail,x-systemd.device-timeout=60s 0 0" >>/etc/fstab
systemctl daemon-reload
mkdir -p "$home"
# What a power cut left is put right by the mount itself.
mountpoint -q "$home" || mount -o noatime "$device" "$home" || mountpoint -q "$home" ||
  fail "the file system of $DATA_VOLUME_ID is damaged: mend it with xfs_repair, or go back to its last snapshot"
[[ $(mountpoint -d "$home") == "$(mountpoint -x "$device")" ]] || fail "something else than $DATA_VOLUME_ID is mounted at $home: unmount it and reboot"
xfs_growfs "$home" >/dev/null
chown postgres:postgres "$home"

for other in "$home"/*/*/PG_VERSION; do
  [[ ! -e $other || $other == "$data"/* || $other == "$data.new"/* ]] ||
    fail "$DATA_VOLUME_ID holds ${other%/*}, which is no PostgreSQL 17 cluster: upgrade or restore it; nothing was changed"
done

configure_backups

step "find, restore or create the cluster"
rm -rf "$data.new"
if [[ ! -e $data/PG_VERSION ]]; then
  refuse_lost_cluster
  install -d -o postgres -g postgres "$home/17"
  if ((RESTORE_FROM)); then
    restore_cluster "$data.new"
  else
    as_postgres "$bin/initdb" -D "$data.new" --data-checksums -E UTF8 --locale-provider=builtin \
      --builtin-locale=C.UTF-8 --locale=C.UTF-8 --auth-local=peer --auth-host=reject
  fi
  # Under its final name only when complete.
  sync -f "$home"
  mv -T "$data.new" "$data"
fi

step "make the certificates"
install -d -o postgres -g postgres -m 700 "$TLS"
retry "cannot read database/$DATABASE_HOSTNAME/roles.json from $REPORT_BUCKET (may the instance's role read it?)" read_roles
certificates "$(field "$WORK/roles.json" authority)"
chown -R postgres:postgres "$TLS"

step "configure the cluster"
address=$(retry "the metadata service does not answer" imds meta-data/local-ipv4)
put "$config/start.conf" postgres 644 <<<auto
put "$config/pg_ident.conf" postgres 640 <<<"$local_users"
access_rules "$address/32" $CLIENT_CIDRS | put "$config/pg_hba.conf" postgres 640
[[ -e $config/read-only.conf ]] || : >"$config/read-only.conf"
put "$config/postgresql.conf" postgres 644 <<CONF
data_directory = '$data'
hba_file = '$config/pg_hba.conf'
ident_file = '$config/pg_ident.conf'
unix_socket_directories = '/run/postgresql'
cluster_name = '17/main'
listen_addresses = '*'
reserved_connections = 3
ssl = on
ssl_cert_file = '$TLS/server.pem'
ssl_key_file = '$TLS/server.pem'
ssl_min_protocol_version = 'TLSv1.3'
tcp_keepalives_idle = 30
tcp_keepalives_interval = 10
tcp_keepalives_count = 3
client_connection_check_interval = 2s
min_wal_size = 512MB
max_wal_size = 2GB
wal_compression = lz4
random_page_cost = 1.1
effective_io_concurrency = 200
jit = off
archive_mode = on
archive_command = 'pgbackrest --stanza=main archive-push %p'
archive_timeout = 60
log_line_prefix = '%m [%p] %q%u@%d %h '
log_lock_waits = on
log_min_duration_statement = 250ms
log_parameter_max_length = 0
$PARAMETERS
include 'read-only.conf'
CONF

step "start the cluster"
# Debian's unit never starts a dead server again and ignores one that does not start, as it cannot tell it from a long
# recovery. The server can: it notifies systemd itself.
put /etc/systemd/system/postgresql@17-main.service.d/notify.conf root 644 <<UNIT
[Unit]
RequiresMountsFor=$home
StartLimitIntervalSec=0
[Service]
Type=notify
PIDFile=
User=postgres
Environment=PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj
OOMPolicy=continue
ExecStart=
ExecStart=$bin/postgres -D $config
ExecReload=
ExecReload=/bin/kill -HUP \$MAINPID
ExecStop=
KillMode=mixed
KillSignal=SIGINT
Restart=always
RestartSec=1
StandardOutput=append:$server_log
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ReadWritePaths=$home /run/postgresql
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0077
UNIT
systemctl daemon-reload
[[ -e $server_log ]] || install -o postgres -g adm -m 640 /dev/null "$server_log"
# Restarts a server that is older than its settings or does not run.
verb=start
[[ -z $(find "$config" "$TLS" -newer "$data/postmaster.pid" 2>&1) ]] || verb=restart
timeout 600 systemctl "$verb" postgresql@17-main || {
  tail -n 30 "$server_log"
  fail "the database does not start, or recovers for more than 600 s: the reason is at the end of its log"
}

step "create roles and database"
apply_roles
version=$(field "$WORK/roles.json" version)
applied "$version"

step "publish the certificate authorities"
publish_authorities

step "connect as a client does"
app=$(field "$WORK/app.json" username)
PGPASSWORD=$(field "$WORK/app.json" password)
export PGPASSWORD
psql -qXAt -v ON_ERROR_STOP=1 -c 'SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()' \
  "host=$DATABASE_HOSTNAME hostaddr=$address user=$app dbname=$DATABASE_NAME sslmode=verify-full sslrootcert=$WORK/ca.pem connect_timeout=5" ||
  fail "$app cannot connect over TLS as the web hosts do: see the log"

step "follow the roles' secrets"
# A rotation must not replace this host: it looks for what the next deployments write. The program has this script's functions.
install -d -o postgres -g postgres -m 700 /run/follow-roles
printf '%s' "$version" >/run/follow-roles/version
chown postgres: /run/follow-roles/version
{
  echo '#!/bin/bash'
  declare -p REPORT_BUCKET REPORT_REGION REPORT_ROLE_ID DATABASE_NAME DATABASE_HOSTNAME OWNER_ROLE APP_ROLE TLS INSTANCE_ID SCRIPT LC_ALL
  declare -f
  cat <<'SCRIPT'
set -Eeuo pipefail
umask 077
LOG=/dev/null LOG_START=0
WORK=$(mktemp -d /run/follow-roles/work.XXXXXX)
trap 'rm -rf "$WORK"' EXIT
trap 'reason "$BASH_COMMAND ended with status $?"' ERR
follow_roles /run/follow-roles/version
SCRIPT
} | put /usr/local/sbin/follow-roles postgres 500
put /etc/systemd/system/follow-roles.service root 644 <<UNIT
[Unit]
Description=Applies new versions of the database roles' secrets
# The boot's own report comes first.
After=cloud-final.service postgresql@17-main.service
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/follow-roles
TimeoutStartSec=300
User=postgres
ReadWritePaths=$TLS
RuntimeDirectory=follow-roles
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
$(confined)
SystemCallFilter=~@privileged @resources
# Not ProcSubset=pid: a boot report names the boot, which is in /proc/sys.
UNIT
put /etc/systemd/system/follow-roles.timer root 644 <<'UNIT'
[Timer]
OnActiveSec=20
OnUnitInactiveSec=20
AccuracySec=1s
UNIT
systemctl daemon-reload
systemctl restart follow-roles.timer

step "watch the database"
{
  echo '#!/bin/bash'
  declare -f apt_get as_postgres upgrade_postgresql
  echo 'set -Eeuo pipefail; upgrade_postgresql "$@"'
} | put /usr/local/sbin/upgrade-postgresql root 500
{
  echo '#!/bin/bash'
  declare -p DATABASE_NAME PROTECTED_FROM WRITTEN_BELOW LC_ALL
  declare -f fill watch_database figures
  echo "watch_database '$device' '$home' '$config'"
} | put /usr/local/sbin/watch-database root 500
put /etc/systemd/system/watch-database.service root 644 <<'UNIT'
[Unit]
Description=Looks after the database: its volume, connections, transactions and dead rows
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/watch-database
TimeoutStartSec=120
RuntimeDirectory=watch-database
RuntimeDirectoryPreserve=yes
ProtectHome=yes
PrivateTmp=yes
RestrictAddressFamilies=AF_UNIX AF_NETLINK
UNIT
put /etc/systemd/system/watch-database.timer root 644 <<'UNIT'
[Timer]
OnActiveSec=20
OnUnitInactiveSec=20
AccuracySec=1s
UNIT
systemctl daemon-reload
systemctl restart watch-database.timer
start_backups

if [[ -n $TELEMETRY_LOG_GROUP ]]; then
  cloudwatch_agent
  start_telemetry "$server_log" "$LOG"
fi
