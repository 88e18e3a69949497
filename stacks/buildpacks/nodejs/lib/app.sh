# What package.json says, checked before anything is downloaded.

# field FILTER: a value of package.json, empty when absent.
field() { jq -r "($1) // \"\" | if type == \"string\" then . else tojson end" "$BUILD/package.json"; }
engine() { field ".engines.$1? "; }
has_script() { [ -n "$(field ".scripts[\"$1\"]?")" ]; }
has_lockfile() { [ -f "$BUILD/package-lock.json" ] || [ -f "$BUILD/npm-shrinkwrap.json" ]; }

check_app() {
  local problem
  problem=$(jq empty "$BUILD/package.json" 2>&1) || fail 'package.json is not valid JSON:' "  ${problem#jq: }"
  [ "$(jq -rs 'if length == 1 then .[0] | type else "none" end' "$BUILD/package.json")" = object ] || fail 'package.json is not a JSON object.'
  can_start || fail 'This app says in no way how it starts.' \
    'Add a "start" script to package.json, a server.js, or a Procfile with a line such as "web: node index.js".'
  say_which_lock_file_counts
  [ ! -d "$BUILD/node_modules" ] || warn 'node_modules is part of the source: better leave it out, it is installed here.'
}

# npm reads its shrinkwrap before its lock file, and no lock file of others.
say_which_lock_file_counts() {
  local name counts='' ignored=() be=is
  for name in npm-shrinkwrap.json package-lock.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb; do
    [ -f "$BUILD/$name" ] || continue
    if [ -z "$counts" ] && [[ $name == *.json ]]; then counts=$name; else ignored+=("$name"); fi
  done
  [ "${#ignored[@]}" -gt 0 ] || return 0
  [ "${#ignored[@]}" = 1 ] || be=are
  name=$(printf ', %s' "${ignored[@]}")
  if [ -n "$counts" ]; then
    warn "There is more than one lock file: $counts counts; ${name#, } $be ignored."
  else
    warn "${name#, } $be not used: dependencies are installed with npm."
  fi
}

can_start() { [ -f "$BUILD/Procfile" ] || [ -f "$BUILD/server.js" ] || has_script start; }

# What the release needs in its environment.
write_profile() {
  mkdir -p "$BUILD/.profile.d"
  cat >"$BUILD/.profile.d/nodejs.sh" <<'PROFILE'
export PATH="/app/.slipway/node/bin:/app/node_modules/.bin:$PATH"
export NODE_HOME=/app/.slipway/node
export NODE_ENV="${NODE_ENV:-production}"
# the release's own directories may be read-only
export npm_config_cache="${npm_config_cache:-/tmp/npm}" npm_config_logs_max=0 npm_config_update_notifier=false
PROFILE
  printf 'export PATH=%q:$PATH NODE_HOME=%q\n' "$NODE_HOME/bin:$BUILD/node_modules/.bin" "$NODE_HOME" >"$PACK/export"
}
