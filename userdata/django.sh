# What the image holds: Python environment, application, service unit. Nothing in it is secret.
# shellcheck shell=bash
source lib/core.sh
source lib/packages.sh
source lib/agent.sh
SCRIPT=django
root=/opt/app

build_venv() {
  rm -rf "$root/venv"
  python3 -m venv "$root/venv" &&
    "$root/venv/bin/pip" install -q --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
      --only-binary :all: -r "$root/src/requirements.txt"
}

build() {
  step "install Python's virtual environments"
  packages python3-venv

  step "fetch the application"
  retry "cannot read $APP_KEY from $APP_BUCKET (may the instance's role read it?)" s3_get "$APP_BUCKET" "$APP_KEY" "$WORK/app.zip"
  rm -rf "$root/src"
  install -d "$root/src"
  python3 -m zipfile -e "$WORK/app.zip" "$root/src"
  [[ -f $root/src/manage.py && -f $root/src/requirements.txt ]] ||
    fail "$APP_KEY has no manage.py and requirements.txt at its top: archive the contents of the application's folder"

  step "install the Python packages"
  retry "pip cannot install requirements.txt (is there a way out to the package index, are the hashes right?)" build_venv
  "$root/venv/bin/pip" check

  step "collect the static files"
  cd "$root/src"
  DJANGO_SETTINGS_MODULE=service.static_settings "$root/venv/bin/python" manage.py collectstatic --noinput
  "$root/venv/bin/python" -m compileall -q "$root/src"

  step "write the service unit"
  getent passwd app >/dev/null || useradd --system --user-group --no-create-home -d /nonexistent -s /usr/sbin/nologin app
  # Not enabled: web.sh starts it once /run/app, which is in memory, has its credentials.
  cat >/etc/systemd/system/app.service <<'UNIT'
[Unit]
Description=Django application
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
User=app
Group=app
WorkingDirectory=/opt/app/src
EnvironmentFile=/run/app/env
# A password's hash takes 19 MiB for an instant: mapped, they go back at once instead of staying with a thread's heap.
Environment=MALLOC_MMAP_THRESHOLD_=1048576 MALLOC_ARENA_MAX=2
LoadCredential=service.json:/run/app/service.json
LoadCredential=database.json:/run/app/database.json
# What a worker has in memory of its events, for the others when it is killed.
RuntimeDirectory=app-activity
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=restart
ExecStart=/opt/app/venv/bin/python -m service
ExecReload=/bin/kill -HUP $MAINPID
KillMode=mixed
TimeoutStartSec=300
TimeoutStopSec=35
Restart=always
RestartSec=2
UMask=0077
LimitNOFILE=65536
MemoryMax=80%
TasksMax=256
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateIPC=yes
PrivateUsers=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UNIT
  systemctl daemon-reload
  sync
  echo "$APP_KEY" >"$root/built"
}

[[ $(cat "$root/built" 2>/dev/null) == "$APP_KEY" ]] || build
[[ $SESSION_MANAGER != true ]] || session_manager
[[ $HOST_AGENT != true ]] || cloudwatch_agent

step "leave nothing of this host in the image"
if [[ $SESSION_MANAGER == true ]]; then
  systemctl stop amazon-ssm-agent
  rm -rf /var/lib/amazon/ssm
fi
apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/journal/* /root/.cache /tmp/* /var/tmp/*
rm -f /etc/ssh/ssh_host_* /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys \
  /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
find /var/log -type f -exec truncate -s 0 {} +
# Empty, not missing: then systemd makes a new one without taking the next boot for the very first.
: >/etc/machine-id
sync
