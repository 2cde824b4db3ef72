# What a host does that boots from the image: it reads its secrets and starts. It installs nothing.
# shellcheck shell=bash
SCRIPT=web
run=/run/app

step "read the secrets"
install -d "$run"
get_secret "$SERVICE_SECRET_ARN" "$run/service.json"
get_secret "$DATABASE_SECRET_ARN" "$run/database.json"
retry "cannot read tls/postgres-ca.pem from $REPORT_BUCKET (has the database host booted?)" \
  s3_get "$REPORT_BUCKET" tls/postgres-ca.pem "$run/database-ca.pem"
cat >"$run/env" <<ENV
ACCOUNT_BUCKET=$ACCOUNT_BUCKET
ALLOWED_HOSTS="$ALLOWED_HOSTS"
AWS_REGION=$(imds meta-data/placement/region)
DATABASE_CA_FILE=$run/database-ca.pem
INSTANCE_ID=$INSTANCE_ID
ENV

# Whether the database answers is no matter here: sign-in works without it, and /readyz tells.
step "start the application"
systemctl restart app.service || {
  journalctl -u app.service -n 40 --no-pager -o cat
  fail "app.service does not start: the reason is at the end of its log"
}

step "wait for /livez"
alive() { curl -sf -m 2 -o /dev/null http://127.0.0.1:8000/livez; }
(wait_for 30 "/livez does not answer within 30 s" alive) || {
  journalctl -u app.service -n 40 --no-pager -o cat
  exit 1
}
