#!/usr/bin/env bash
# Pushes the engine's image LOCAL_IMAGE to the registry as TARGET_IMAGE, by the engine's socket and with
# REGISTRY_PASSWORD: runs in an image of the stack.
set -euo pipefail

api() { curl -fsS --unix-socket /var/run/docker.sock -X POST "$@"; }
fail() {
  printf ' !     %s\n' "$*" >&2
  exit 1
}

repository=${TARGET_IMAGE%:*}
tag=${TARGET_IMAGE##*:}
[[ $TARGET_IMAGE == */*:* && $tag != */* ]] || fail "TARGET_IMAGE must be HOST:PORT/REPOSITORY:TAG, it is $TARGET_IMAGE"

api -G --data-urlencode "repo=$repository" --data-urlencode "tag=$tag" "http://engine/images/$LOCAL_IMAGE/tag"
login=$(printf '{"username":"slipway","password":"%s"}' "$REGISTRY_PASSWORD" | base64 -w 0 | tr '+/' '-_')
# The engine answers 200 at once. It reports progress and a failure in the body, one JSON object a line. The login is passed on
# standard input: every user of the machine can see arguments.
answer=$(api -H @- "http://engine/images/$repository/push?tag=$tag" <<<"X-Registry-Auth: $login")
error=$(sed -n 's/.*"error":"\(.*\)".*/\1/p' <<<"$answer")
[ -z "$error" ] || fail "$TARGET_IMAGE cannot be pushed: $error"
echo "$TARGET_IMAGE is in the registry"
