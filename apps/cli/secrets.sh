#!/usr/bin/env sh
# Generates the secrets that a copy of .env.example still lacks. Existing values are kept.
set -eu

NAMES='INSTALLATION_ID SIGNING_KEYS RECEIPT_KEY BOOTSTRAP_TOKEN REDIS_PASSWORD REDIS_API_PASSWORD REDIS_STREAM_PASSWORD REDIS_ROUTER_PASSWORD REDIS_WORKER_PASSWORD MONGO_PASSWORD REGISTRY_PASSWORD REGISTRY_SECRET DOCKER_GID'
SOCKET=/var/run/docker.sock

fail() {
  printf ' !     %s\n' "$*" >&2
  exit 1
}

usage() {
  cat <<END
Usage: apps/cli/secrets.sh [FILE]

Generates the secrets that are empty or missing in FILE (.env), and sets DOCKER_GID. Existing values are kept.
The variables are: $NAMES
END
}

# random_hex BYTES
random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# lacks NAME: whether FILE has no value for it; blanks and quotes alone are no value
lacks() { ! grep -q "^$1=.*[^[:space:]\"']" "$FILE"; }

# generate NAME: prints a new value
generate() {
  case $1 in
    INSTALLATION_ID) random_hex 4 ;;
    SIGNING_KEYS | RECEIPT_KEY) random_hex 32 ;;
    BOOTSTRAP_TOKEN) printf 'tk-us-%s' "$(random_hex 24)" ;;
    DOCKER_GID) stat -c %g "$SOCKET" ;;
    *) random_hex 24 ;;
  esac
}

# fill NAME: writes a new value into its empty line, or into a new line
fill() {
  lacks "$1" || return 0
  value=$(generate "$1")
  if grep -q "^$1=" "$FILE"; then
    sed -i "s|^$1=.*\$|$1=$value|" "$FILE"
  else
    # the last line may lack its newline
    [ -z "$(tail -c 1 "$FILE")" ] || echo >>"$FILE"
    printf '%s=%s\n' "$1" "$value" >>"$FILE"
  fi
  printf '%s generated\n' "$1"
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
  -*) fail "there is no option $1: see apps/cli/secrets.sh --help" ;;
esac
[ $# -le 1 ] || fail 'one file at most: see apps/cli/secrets.sh --help'
FILE=${1:-.env}
[ -f "$FILE" ] || fail "there is no $FILE: cp .env.example $FILE"
[ -S "$SOCKET" ] || fail "there is no $SOCKET: start the Docker Engine, which the workers build with."
# before the first secret is written
chmod 600 "$FILE"

for name in $NAMES; do fill "$name"; done
for name in $NAMES; do
  ! lacks "$name" || fail "$FILE still lacks $name: add it yourself"
done
printf '%s is complete\n' "$FILE"
