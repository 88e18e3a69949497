// The guard's script on the engine's host. It sets the rules, and sets them again if another program removed them. On SIGUSR1 it
// withdraws the rules and ends. The engine does not restart a container after a signal that was sent through its API.

const repeatSeconds = 20;

/** Line in the guard's log after it has set the rules. */
export const rulesSet = "the rules are set";

/** The arguments are the rules and the name of their table. SIGTERM leaves the rules in place: releases may outlive the engine. */
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
  exit 0
}
trap withdraw USR1
trap 'exit 0' TERM
set_rules || exit 1
echo "${rulesSet}"
while :; do
  sleep ${repeatSeconds} &
  wait $!
  set_rules || exit 1
done`;
