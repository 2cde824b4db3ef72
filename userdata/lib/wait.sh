# shellcheck shell=bash

# wait_for SECONDS WHY COMMAND...
wait_for() {
  local end=$((SECONDS + $1)) why=$2
  shift 2
  until "$@"; do
    ((SECONDS < end)) || fail "$why"
    sleep 0.2
  done
}
