# What happens once for each release: the migrations, the period of the activity log, the administrator's account.
# shellcheck shell=bash
source lib/core.sh
source lib/json.sh
source lib/secrets.sh
SCRIPT=release

step "read the secrets"
get_secret "$SERVICE_SECRET_ARN" "$SERVICE_SECRET_VERSION" "$WORK/service.json"
get_secret "$OWNER_SECRET_ARN" "$OWNER_SECRET_VERSION" "$WORK/database.json"
get_secret "$ADMIN_SECRET_ARN" "$ADMIN_SECRET_VERSION" "$WORK/admin.json"
retry "cannot read $DATABASE_CA_KEY from $REPORT_BUCKET (has the database host booted?)" \
  s3_get "$REPORT_BUCKET" "$DATABASE_CA_KEY" "$WORK/database-ca.pem"

step "reach the database"
host=$(field "$WORK/database.json" host)
port=$(field "$WORK/database.json" port)
connect() { timeout 3 bash -c ": </dev/tcp/$host/$port" 2>"$WORK/error"; }
retry "$host:$port accepts no connection (peering, routes, security group?)" connect

# manage COMMAND...: as the application's user
manage() {
  systemd-run --quiet --collect --wait --pipe --unit=release -p User=app -p WorkingDirectory=/opt/app/src \
    -p NoNewPrivileges=yes -p ProtectSystem=strict -p PrivateTmp=yes -p RuntimeMaxSec=720 \
    -p "LoadCredential=service.json:$WORK/service.json" -p "LoadCredential=database.json:$WORK/database.json" \
    -p "LoadCredential=database-ca.pem:$WORK/database-ca.pem" -p "LoadCredential=admin.json:$WORK/admin.json" \
    -E "ACCOUNT_BUCKET=$ACCOUNT_BUCKET" -E "AWS_REGION=$REGION" -E "INSTANCE_ID=$INSTANCE_ID" -E ALLOWED_HOSTS= \
    -E DATABASE_CA_FILE=/run/credentials/release.service/database-ca.pem \
    /opt/app/venv/bin/python manage.py "$@"
}

step "run the migrations of the database on $DATABASE_VOLUME_ID"
manage migrate_locked || fail "the migrations failed, or took more than 720 s: the reason is at the end of the log"

step "keep the activity log for $ACTIVITY_RETENTION_DAYS days"
manage retain_activity "$ACTIVITY_RETENTION_DAYS" || fail "the period was not set: the reason is at the end of the log"

step "make the administrator's account"
manage ensure_admin /run/credentials/release.service/admin.json || fail "the administrator's account could not be made: the reason is at the end of the log"
