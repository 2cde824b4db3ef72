# What every boot script needs: steps, retries, signed requests and the report. Reads REPORT_BUCKET, REPORT_REGION and
# REPORT_ROLE_ID.
# shellcheck shell=bash
set -Eeuo pipefail
umask 022
export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive

LOG=/var/log/cloud-init-output.log
LOG_START=$(stat -c %s "$LOG" 2>/dev/null || echo 0)
WORK=$(mktemp -d "${TMPDIR:-/run}/boot.XXXXXX") # /run is in memory: no secret reaches a disk
STEP=start
ON_FAILURE=: # what the host does when its failure is reported
INSTANCE_ID=unknown

step() {
  STEP=$*
  printf '== %3ds  %s\n' "$SECONDS" "$STEP"
}

# The first reason stands: what fails afterwards is its consequence.
reason() { [[ -s $WORK/reason ]] || printf '%s' "$*" >"$WORK/reason"; }

fail() {
  reason "$*"
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# retry WHAT COMMAND...  Commands run without errexit here: functions return their failures themselves.
retry() {
  local what=$1 pause=1 error
  shift
  : >"$WORK/error"
  until "$@"; do
    error=$(tail -c 400 "$WORK/error")
    ((pause <= 16)) || fail "$what${error:+: $error}"
    printf '%s; again in %d s\n' "${error:-$what}" "$pause" >&2
    sleep "$pause"
    ((pause *= 2))
  done
}

imds() {
  local url=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}/latest token
  token=$(curl -sSf -m 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' "$url/api/token") || return
  curl -sSf -m 5 -H @<(printf 'X-aws-ec2-metadata-token: %s\n' "$token") "$url/$1"
}

# The role's credentials as a curl configuration, so that they never show in a process list.
credentials() {
  local path=meta-data/iam/security-credentials/ role
  role=$(imds "$path") || return
  imds "$path$role" | python3 -c '
import json, sys
print("""user = "%(AccessKeyId)s:%(SecretAccessKey)s"
header = "X-Amz-Security-Token: %(Token)s\"""" % json.load(sys.stdin))'
}

# aws_request SERVICE REGION PATH OUTPUT-FILE [CURL OPTION...]
aws_request() {
  local service=$1 region=$2 path=$3 output=$4 config code
  shift 4
  config=$(credentials 2>"$WORK/error") || return
  code=$(curl -sS -K <(printf '%s\n' "$config") --aws-sigv4 "aws:amz:$region:$service" \
    --connect-timeout 5 -m 300 -o "$output" -w '%{http_code}' "$@" \
    "${AWS_ENDPOINT_URL:-https://$service.$region.amazonaws.com}$path" 2>"$WORK/error") || return
  [[ $code == 2?? ]] && return
  printf '%s answered %s %s' "$service" "$code" "$(head -c 300 "$output" | tr -s '[:cntrl:]' ' ')" >"$WORK/error"
  return 1
}

s3_get() { aws_request s3 "$REPORT_REGION" "/$1/$2" "$3"; } # BUCKET KEY FILE

# s3_put BUCKET KEY FILE TYPE
s3_put() {
  aws_request s3 "$REPORT_REGION" "/$1/$2" "$WORK/response" -X PUT -H "Content-Type: $4" --data-binary "@$3"
}

# report STATUS: writes the boot report, which may be done again: the newest counts. What a script has to tell beyond its end is
# in $WORK/facts.json, an object.
report() {
  python3 - "$1" "$INSTANCE_ID" "$SCRIPT" "$STEP" "$LOG" "$LOG_START" "$WORK" >"$WORK/report.json" <<'PYTHON'
import datetime, json, sys
status, instance, script, step, log, start, work = sys.argv[1:]
def read(path, start=0):
    try:
        with open(path, "rb") as file:
            file.seek(start)
            return file.read().decode(errors="replace")
    except OSError:
        return ""
print(json.dumps({
    "instanceId": instance, "script": script, "succeeded": status == "0", "step": step, "message": read(work + "/reason"),
    "logTail": "\n".join(read(log, int(start)).splitlines()[-60:])[-8000:],
    "bootId": read("/proc/sys/kernel/random/boot_id").strip(),
    "finishedAt": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    **json.loads(read(work + "/facts.json") or "{}"),
}))
PYTHON
  # Each host may write the one key that names it and its role. S3 signs a colon as %3A.
  s3_put "$REPORT_BUCKET" "boot/$REPORT_ROLE_ID%3A$INSTANCE_ID.json" "$WORK/report.json" application/json
}

finish() {
  local status=$?
  trap - EXIT ERR HUP INT TERM
  set +e
  if ((status == 0)); then
    rm -f "$WORK/reason"
    printf '== %3ds  done\n' "$SECONDS"
  else
    reason "stopped with status $status"
    sleep 1 # cloud-init copies the output to its log through a pipe
  fi
  (retry "cannot write the boot report" report "$status")
  ((status == 0)) || $ON_FAILURE
  rm -rf "$WORK"
  exit "$status"
}

trap 'reason "line $LINENO: ${BASH_COMMAND%%$'"'\n'"'*} ended with status $?"' ERR
trap 'fail "stopped by a signal"' HUP INT TERM
trap finish EXIT

step "ask the metadata service who this host is"
INSTANCE_ID=$(retry "the metadata service does not answer" imds meta-data/instance-id)
REGION=$(retry "the metadata service does not answer" imds meta-data/placement/region)
