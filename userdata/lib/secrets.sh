# Secrets, at the version that the deployment chose: a rotation is a roll-out like any other.
# shellcheck shell=bash

# read_secret ARN VERSION FILE: without a version, the one that holds
read_secret() {
  (
    umask 077
    aws_request secretsmanager "$(cut -d: -f4 <<<"$1")" / "$WORK/secret" \
      -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: secretsmanager.GetSecretValue' \
      -d "{\"SecretId\":\"$1\"${2:+,\"VersionId\":\"$2\"}}" &&
      python3 - "$WORK/secret" "$3" 2>"$WORK/error" <<'PYTHON'
import json, os, sys
value = json.load(open(sys.argv[1]))["SecretString"]
try:
    json.loads(value)
except ValueError:
    sys.exit("the secret's value is no JSON")
with open(sys.argv[2] + ".new", "w") as file:
    file.write(value)
os.replace(file.name, sys.argv[2])
PYTHON
  )
}

# get_secret ARN VERSION FILE
get_secret() {
  retry "cannot read ${2:+version $2 of }the secret $1 (may the instance's role read it?)" read_secret "$@"
}
