#!/usr/bin/env sh
# Gives another node of a Docker Swarm the egress guard that the workers keep on their manager.
set -eu

usage() {
  cat <<END
Usage: ops/guard-node.sh INSTALLATION_ID MANAGER NODE

Starts on NODE the guard that MANAGER has: the same rules in the same image, started again with the node's engine. Replaces an earlier
guard, whose rules apply until then. MANAGER and NODE are addresses of engines, as for docker -H: ssh://user@node-2.
Run it again after a change of EGRESS_ALLOW or of the stack, and after an upgrade. To remove a guard with its rules:
  docker -H NODE kill --signal USR1 slipway-INSTALLATION_ID-guard && docker -H NODE rm slipway-INSTALLATION_ID-guard
END
}

fail() {
  printf ' !     %s\n' "$*" >&2
  exit 1
}

case ${1:-} in
  -h | --help) usage && exit 0 ;;
esac
[ $# -eq 3 ] || { usage >&2 && exit 1; }
name=slipway-$1-guard manager=$2 node=$3
RULES_SET='the rules are set'
WAIT_SECONDS=30

# of_guard TEMPLATE: prints a property of the manager's guard
of_guard() { docker -H "$manager" inspect --format "{{$1}}" "$name"; }

[ "$(of_guard .State.Running 2>/dev/null || true)" = true ] ||
  fail "no guard $name runs on $manager: start a worker that uses this manager, with EGRESS=guarded"
image=$(of_guard .Config.Image)
# the arguments of /bin/sh -c: the script, the name of the program, the rules, and the name of their table
script=$(of_guard 'index .Config.Cmd 0') program=$(of_guard 'index .Config.Cmd 1')
rules=$(of_guard 'index .Config.Cmd 2') table=$(of_guard 'index .Config.Cmd 3')
digest=$(of_guard 'index .Config.Labels "io.slipway.guard"')

# the rules stay while their guard is replaced
docker -H "$node" rm --force "$name" >/dev/null 2>&1 || true
docker -H "$node" run --detach --name "$name" --restart unless-stopped --network host --userns host --user 0:0 \
  --cap-drop ALL --cap-add NET_ADMIN --security-opt no-new-privileges --read-only \
  --pids-limit 16 --memory 64m --memory-swap 64m --log-opt max-size=1m --log-opt max-file=1 \
  --label "io.slipway.installation=$1" --label io.slipway.kind=guard --label "io.slipway.guard=$digest" \
  --entrypoint /bin/sh "$image" -c "$script" "$program" "$rules" "$table" >/dev/null

waited=0
until docker -H "$node" logs "$name" 2>&1 | grep -qx "$RULES_SET"; do
  [ "$waited" -lt "$WAIT_SECONDS" ] || fail "the guard on $node did not set the rules: $(docker -H "$node" logs "$name" 2>&1 | tail -5)"
  sleep 1
  waited=$((waited + 1))
done
printf 'the egress of releases on %s is guarded as on %s\n' "$node" "$manager"
