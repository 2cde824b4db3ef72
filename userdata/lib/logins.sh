# The logins of the database's two roles. The roles own and grant, and nobody signs in as one of them: each version of a role's
# password is a login of its own, so that hosts of two versions are let in side by side. Reads REPORT_BUCKET, REPORT_REGION,
# DATABASE_NAME, DATABASE_HOSTNAME, OWNER_ROLE and APP_ROLE.
# shellcheck shell=bash
source lib/certificates.sh
source lib/json.sh
source lib/secrets.sh

# logins_sql DATABASE OWNER-ROLE APP-ROLE OWNER-SECRET APP-SECRET: what psql is to do as a superuser. Passwords reach the
# server as SCRAM verifiers: neither arguments nor logs ever hold them.
logins_sql() {
  python3 - "$@" <<'PYTHON' || return
import base64, hashlib, hmac, json, os, re, sys
def verifier(password):
    salt, b64 = os.urandom(16), lambda value: base64.b64encode(value).decode()
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 4096)
    sign = lambda text: hmac.digest(salted, text, "sha256")
    stored = hashlib.sha256(sign(b"Client Key")).digest()
    return f"SCRAM-SHA-256$4096:{b64(salt)}${b64(stored)}:{b64(sign(b'Server Key'))}"
database, owner, app, *secrets = sys.argv[1:]
rows = []
for role, path in zip((owner, app), secrets):
    secret = json.load(open(path))
    for login in filter(None, (secret, secret.get("previous"))):
        number = re.fullmatch(role + "_([1-9][0-9]{0,8})", login["username"])
        if not number:
            sys.exit(f"'{login['username']}' is no login of {role}: name it {role}_1, or by a later version")
        rows.append(f"('{role}', {number[1]}, '{login['username']}', '{verifier(login['password'])}')")
for name, value in ("db", database), ("owner", owner), ("app", app), ("rows", ", ".join(rows)):
    print(f"\\set {name} '%s'" % value.replace("'", "''"))
PYTHON
  cat <<'SQL'
SELECT format('CREATE ROLE %I', r) FROM unnest(ARRAY[:'owner', :'app']) r
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) \gexec
-- The host's own users, who sign in by its socket and have no password.
SELECT format('CREATE ROLE %I LOGIN', r) FROM unnest(ARRAY['backup', 'monitor']) r
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) \gexec
GRANT pg_monitor TO monitor;
-- They find a connection when clients have taken all others.
GRANT pg_use_reserved_connections TO monitor, backup;
GRANT pg_read_all_settings, pg_checkpoint TO backup;
GRANT EXECUTE ON FUNCTION pg_backup_start, pg_backup_stop, pg_switch_wal, pg_create_restore_point TO backup;
ALTER ROLE backup SET lock_timeout = '1min';
SELECT format('ALTER ROLE monitor SET %I = %L', name, value) FROM (VALUES ('default_transaction_read_only', 'on'),
    ('statement_timeout', '10s'), ('lock_timeout', '1s'), ('idle_in_transaction_session_timeout', '10s'),
    ('transaction_timeout', '15s')) AS settings (name, value) \gexec
SELECT format('CREATE DATABASE %I OWNER %I', :'db', :'owner')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'db') \gexec
ALTER DATABASE :"db" OWNER TO :"owner";
REVOKE ALL ON DATABASE :"db" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"db" TO :"app", monitor, backup;
\connect :"db"
BEGIN;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA public TO :"owner";
GRANT USAGE ON SCHEMA public TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO :"app";
CREATE TEMP TABLE wanted (role text, version int, login text, verifier text) ON COMMIT DROP;
INSERT INTO wanted VALUES :rows;
CREATE TEMP TABLE found ON COMMIT DROP AS SELECT role, substring(rolname FROM '\d+$')::int AS version, rolname AS login
  FROM pg_roles JOIN (VALUES (:'owner'), (:'app')) AS roles (role) ON rolname ~ ('^' || role || '_[1-9][0-9]{0,8}$');
-- The hosts that serve would be shut out.
SELECT format('DO %L', format('BEGIN RAISE EXCEPTION %L; END', format(
    'the password of %s goes from version %s to %s: raise it by one, and deploy each time', role, there, wants)))
  FROM (SELECT role, max(version) AS there FROM found GROUP BY role) AS f
  JOIN (SELECT role, min(version) AS least, max(version) AS wants FROM wanted GROUP BY role) AS w USING (role)
  WHERE there < least \gexec
SELECT format('CREATE ROLE %I', login) FROM wanted WHERE login NOT IN (SELECT login FROM found) \gexec
SELECT format('ALTER ROLE %I LOGIN PASSWORD %L', login, verifier) FROM wanted \gexec
SELECT format('GRANT %I TO %I', role, login) FROM wanted \gexec
-- What a login makes belongs to its role, and outlives it. PostgreSQL takes time-outs from the login, not from its role.
SELECT format('ALTER ROLE %I SET %I = %L', login, name, value) FROM wanted JOIN (VALUES
    (:'owner', 'role', :'owner'), (:'owner', 'timezone', 'UTC'), (:'app', 'timezone', 'UTC'),
    (:'owner', 'idle_in_transaction_session_timeout', '10min'),
    (:'app', 'statement_timeout', '5s'), (:'app', 'lock_timeout', '2s'),
    (:'app', 'idle_in_transaction_session_timeout', '10s'), (:'app', 'transaction_timeout', '15s')
  ) AS settings (role, name, value) USING (role) \gexec
-- Later ones stay: after a step back, hosts that serve may still use them.
CREATE TEMP TABLE stale ON COMMIT DROP AS SELECT found.role, found.login FROM found
  WHERE version < (SELECT min(version) FROM wanted WHERE wanted.role = found.role);
SELECT format('REASSIGN OWNED BY %I TO %I', login, role) FROM stale \gexec
SELECT format('DROP OWNED BY %I', login) FROM stale \gexec
SELECT format('DROP ROLE %I', login) FROM stale \gexec
COMMIT;
-- The server takes another certificate when it reads its settings again.
SELECT pg_reload_conf();
DO 'BEGIN PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usesysid IS NOT NULL AND usename IS NULL; END';
SQL
}

# Which users of the host are which roles, beside postgres, by the socket: lines of pg_ident.conf.
local_users='host postgres backup
host monitor monitor'

# access_rules CLIENT...: lines of pg_hba.conf. Over the network come logins of the two roles to their database, over TLS; nobody
# else, and no superuser.
access_rules() {
  local client role
  printf 'local all %s\n' 'postgres peer' 'backup,monitor peer map=host'
  for client in "$@"; do
    for role in "$OWNER_ROLE" "$APP_ROLE"; do
      echo "hostssl $DATABASE_NAME +$role $client scram-sha-256"
    done
  done
  echo 'host all all all reject'
}

# What follows the roles runs as postgres already.
as_postgres() { (cd / && if ((EUID)); then "$@"; else runuser -u postgres -- "$@"; fi); }

# Whoever deploys may write, even when nobody else may.
run_sql() { PGOPTIONS='-c default_transaction_read_only=off' as_postgres psql -qXo /dev/null -v ON_ERROR_STOP=1 -v VERBOSITY=terse <"$1" 2>"$WORK/error"; }

# The document that the deployment writes when a secret of a role has a new version.
read_roles() { s3_get "$REPORT_BUCKET" "database/$DATABASE_HOSTNAME/roles.json" "$WORK/roles.json"; }

# Makes the logins what the secrets that the document names say.
apply_roles() {
  local role
  for role in owner app; do
    get_secret "$(field "$WORK/roles.json" "$role" arn)" "$(field "$WORK/roles.json" "$role" versionId)" "$WORK/$role.json"
  done
  logins_sql "$DATABASE_NAME" "$OWNER_ROLE" "$APP_ROLE" "$WORK/owner.json" "$WORK/app.json" >"$WORK/logins.sql" 2>"$WORK/error" ||
    fail "the roles' secrets make no logins: $(tail -n 1 "$WORK/error")"
  retry "PostgreSQL does not take the logins" run_sql "$WORK/logins.sql"
}

# applied VERSION [ERROR-VERSION MESSAGE]: what the next boot report says of the document
applied() {
  python3 - "$@" >"$WORK/facts.json" <<'PYTHON'
import json, sys
version, *error = sys.argv[1:]
print(json.dumps({"applied": version, **({"applyError": dict(zip(("version", "message"), error))} if error else {})}))
PYTHON
}

# follow_roles FILE: applies a document that is not the one whose version is in the file, and says so in the boot report
follow_roles() {
  local version before status
  read_roles || {
    printf 'cannot read the document of the roles: %s\n' "$(<"$WORK/error")" >&2
    return
  }
  version=$(field "$WORK/roles.json" version)
  before=$(<"$1")
  [[ $version != "$before" ]] || ! server_is_good || return 0
  STEP="apply version $version of the roles"
  # Not in a condition: there, a command that fails would not end it.
  set +e
  (
    set -e
    certificates "$(field "$WORK/roles.json" authority)"
    publish_authorities
    apply_roles
  )
  status=$?
  set -e
  if ((status == 0)); then
    printf '%s' "$version" >"$1"
    applied "$version"
  else
    applied "$before" "$version" "$(<"$WORK/reason")"
  fi
  : >"$WORK/reason"
  retry "cannot write the boot report" report 0
}
