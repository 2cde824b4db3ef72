# The database's own certificate authorities, and the server's certificate. Version N of the setting signs with authority N and has
# clients trust N and N + 1: the next version's certificate is trusted before there is one. Reads TLS, a folder of the user postgres,
# and DATABASE_HOSTNAME.
# shellcheck shell=bash

# Key and certificate in one file: they change together.
new_certificate() { # NAME DAYS OPTION...
  (
    umask 077
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout "$WORK/key" -out "$WORK/certificate" \
      -days "$2" "${@:3}" 2>"$WORK/error" || fail "openssl: $(<"$WORK/error")"
    cat "$WORK/key" "$WORK/certificate" >"$TLS/$1.new"
    sync "$TLS/$1.new"
    mv "$TLS/$1.new" "$TLS/$1.pem"
    rm "$WORK/key"
  )
}

# For this host, by the authority that signs now, and for three more of its five years: a renewal that fails has time.
server_is_good() {
  local signer
  signer=$TLS/ca-$(cat "$TLS/version").pem &&
    openssl verify -CAfile "$signer" -verify_hostname "$DATABASE_HOSTNAME" "$TLS/server.pem" &&
    openssl x509 -in "$TLS/server.pem" -noout -checkend $((3 * 365 * 86400))
} &>/dev/null

# certificates VERSION: makes what is missing; the authorities that clients are to trust are in $WORK/ca.pem then
certificates() {
  local there number
  there=$(cat "$TLS/version" 2>/dev/null || echo "$1")
  # Hosts that serve trust one version more, and after a step back one less.
  (($1 <= there + 1 && $1 >= there - 1)) ||
    fail "the certificate authority goes from version $there to $1: change it by one, and deploy each time"
  (($1 < there)) || there=$1
  for number in "$there" $((there + 1)); do
    [[ -s $TLS/ca-$number.pem ]] || new_certificate "ca-$number" 7300 -subj "/CN=PostgreSQL host CA $number" \
      -addext basicConstraints=critical,CA:true,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
    openssl x509 -in "$TLS/ca-$number.pem"
  done >"$WORK/ca.pem"
  printf '%s' "$there" >"$TLS/version"
  rm -f "$TLS/ca-$((there - 1)).pem"
  server_is_good || new_certificate server 1826 -subj "/CN=$DATABASE_HOSTNAME" -CA "$TLS/ca-$there.pem" -CAkey "$TLS/ca-$there.pem" \
    -addext "subjectAltName=DNS:$DATABASE_HOSTNAME" -addext basicConstraints=critical,CA:false -addext extendedKeyUsage=serverAuth
}

# Where clients of this version find whom to trust. A version that was taken back stays as it was.
publish_authorities() {
  retry "cannot write the certificate authorities" \
    s3_put "$REPORT_BUCKET" "tls/$DATABASE_HOSTNAME-ca-$(<"$TLS/version").pem" "$WORK/ca.pem" application/x-pem-file
}
