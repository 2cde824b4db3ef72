# A point release of PostgreSQL, when somebody decides so: by itself apt installs everything else.
# shellcheck shell=bash
source lib/packages.sh
source lib/logins.sh

# upgrade_postgresql [OPTION OF APT-GET...]: prints for how long the database was away. With --reinstall it is a rehearsal.
upgrade_postgresql() {
  local before stopped status=0
  apt_get update
  before=$(dpkg-query -Wf '${Version}' postgresql-17)
  if (($# == 0)) && [[ $(apt-cache policy postgresql-17) == *"Candidate: $before"* ]]; then
    echo "postgresql-17 is $before, the newest there is"
    return
  fi
  apt_get install --only-upgrade --download-only "$@" postgresql-17
  # What is written now need not be when it stops.
  as_postgres psql -qXc CHECKPOINT
  stopped=$(date +%s%N)
  systemctl stop postgresql@17-main
  apt_get install --only-upgrade "$@" postgresql-17 || status=$?
  systemctl start postgresql@17-main
  printf 'postgresql-17 was %s and is %s; the database was away for %d ms\n' "$before" \
    "$(dpkg-query -Wf '${Version}' postgresql-17)" "$((($(date +%s%N) - stopped) / 1000000))"
  return "$status"
}
