// What the guard runs on the engine's host: it sets the rules, sets them again in case another program removed them, and
// withdraws them on SIGUSR1.

const repeatSeconds = 20;

/** Lines of the guard's log, each written once the rules are in that state. */
export const guardState = { set: "the rules are set", withdrawn: "the rules are withdrawn" } as const;

/** Its arguments are the rules and the name of their table. SIGTERM leaves the rules: releases may outlive the engine. */
export const guardScript = `
set -u
rules=$1 table=$2
resolvers() {
  while read -r key address _; do
    if [ "$key" = nameserver ]; then
      case $address in
        127.* | ::1) ;; # the engine asks it on the host
        *:*) echo "add element inet $table resolvers6 { \${address%%\\%*} }" ;;
        *) echo "add element inet $table resolvers4 { $address }" ;;
      esac
    fi
  done </etc/resolv.conf
}
set_rules() { { printf '%s\\n' "$rules"; resolvers; } | nft -f -; }
withdraw() {
  nft delete table inet "$table" 2>/dev/null || true
  echo "${guardState.withdrawn}"
  exec sleep infinity
}
trap withdraw USR1
trap 'exit 0' TERM
set_rules || exit 1
echo "${guardState.set}"
while :; do
  sleep ${repeatSeconds} &
  wait $!
  set_rules || exit 1
done`;
