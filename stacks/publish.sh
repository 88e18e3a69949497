#!/usr/bin/env bash
# Pushes the engine's image LOCAL_IMAGE to the registry as STACK_IMAGE, by the engine's socket: runs in the stack image itself.
set -euo pipefail

api() { curl -fsS --unix-socket /var/run/docker.sock -X POST "$@"; }
fail() {
  printf ' !     %s\n' "$*" >&2
  exit 1
}

repository=${STACK_IMAGE%:*}
tag=${STACK_IMAGE##*:}
[[ $STACK_IMAGE == */*:* && $tag != */* ]] || fail "STACK_IMAGE must be HOST:PORT/REPOSITORY:TAG, it is $STACK_IMAGE"

api -G --data-urlencode "repo=$repository" --data-urlencode "tag=$tag" "http://engine/images/$LOCAL_IMAGE/tag"
# the engine answers 200 at once, and reports a failure in the response's body; e30= is {}: no credentials
error=$(api -H 'X-Registry-Auth: e30=' "http://engine/images/$repository/push?tag=$tag" | jq -r 'select(.error) | .error')
[ -z "$error" ] || fail "$STACK_IMAGE cannot be pushed: $error"
echo "$STACK_IMAGE is in the registry"
