# The user data of a host whose boot script is too long for it: fetches that from the bucket of the reports, and runs it if it is the
# one that was deployed. Reads SCRIPT, its name, and SCRIPT_SHA256.
# shellcheck shell=bash
source lib/core.sh
fetched=/usr/local/lib/boot/$SCRIPT_SHA256.sh

is_deployed() { [[ -e $1 ]] && sha256sum --status -c <<<"$SCRIPT_SHA256  $1"; }

fetch_script() {
  s3_get "$REPORT_BUCKET" "scripts/$SCRIPT_SHA256.sh" "$WORK/script" || return
  is_deployed "$WORK/script" || {
    echo "it is not the script that was deployed, whose SHA-256 is $SCRIPT_SHA256" >"$WORK/error"
    return 1
  }
}

step "fetch the boot script"
# Once: a reboot needs no bucket, and a host that is about to be replaced may no longer read it.
if ! is_deployed "$fetched"; then
  retry "cannot fetch scripts/$SCRIPT_SHA256.sh from $REPORT_BUCKET (may the instance's role read it?)" fetch_script
  install -D -m 500 "$WORK/script" "$fetched"
fi
source "$fetched"
