# Which Node.js the app asks for and where it says so, and which line a name such as lts/* stands for.

# Sets WANTED, empty when the app asks for none, and WANTED_IN.
read_wanted_node() {
  WANTED=$(engine node) WANTED_IN='engines.node of package.json'
  [ -z "$WANTED" ] || return 0
  for WANTED_IN in .nvmrc .node-version; do
    [ -f "$BUILD/$WANTED_IN" ] || continue
    WANTED=$(first_line "$BUILD/$WANTED_IN")
    [ -z "$WANTED" ] || return 0
  done
  WANTED_IN='the default'
}

# first_line FILE: the first line that is neither empty nor a comment, without blanks around it.
first_line() { sed -nE 's/#.*//; s/^[[:space:]]+//; s/[[:space:]]+$//; /./{p;q}' "$1"; }

# lts_line NAME: sets LINE to the line of Node.js that lts/* or lts/NAME stands for.
lts_line() {
  # shellcheck disable=SC2016
  local chosen='.name == $name'
  # shellcheck disable=SC2016
  [ "$1" != 'lts/*' ] || chosen='.lts <= $today'
  read_release_schedule
  LINE=$(jq -r --arg name "${1#lts/}" --arg today "$(date -u +%F)" "[$LTS_LINES | select($chosen) | .line] | max // \"\"" "$SCHEDULE")
  [ -n "$LINE" ] || refuse_lts_name
}

# Of the schedule: the lines that are or become LTS lines and have a name.
LTS_LINES='to_entries[] | select(.value.lts and (.value.codename // "") != "")
  | { line: (.key | ltrimstr("v") | tonumber), lts: .value.lts, name: (.value.codename | ascii_downcase) }'

# Sets SCHEDULE to Node.js's own release schedule: the npm registry has it as a part of the package node-releases.
read_release_schedule() {
  package_file node-releases
  tarball node-releases "$(newest_of 2)" "Node.js's release schedule"
  unpack "$TARBALL" "$SCRATCH/node-releases"
  SCHEDULE=$SCRATCH/node-releases/data/release-schedule/release-schedule.json
  jq -e "[$LTS_LINES] | length > 0" "$SCHEDULE" >/dev/null || fail "Node.js's release schedule (npm package node-releases) cannot be read: name a version such as \"$NODE_LINE.x\"."
}

refuse_lts_name() {
  fail "\"$WANTED\" ($WANTED_IN) names no LTS line of Node.js." \
    "There are: $(jq -r "[$LTS_LINES | \"lts/\" + .name] | join(\", \")" "$SCHEDULE"); lts/* is the newest of them."
}

refuse_wanted_node() {
  fail "\"$WANTED\" ($WANTED_IN) is neither a version, nor a range, nor a name of one." 'Accepted are:' \
    "  versions and ranges, such as $NODE_LINE, v$NODE_LINE.1.0, $NODE_LINE.x or >=22 <25" \
    '  lts/* for the newest LTS line of Node.js, lts/NAME for another one, such as lts/krypton' \
    '  latest, current or node for the newest Node.js'
}
