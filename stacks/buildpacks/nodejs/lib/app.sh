# What package.json says, checked before anything is downloaded.

# field FILTER: a value of package.json, empty when absent.
field() { jq -r "($1) // \"\" | if type == \"string\" then . else tojson end" "$BUILD/package.json"; }
engine() { field ".engines.$1? "; }
has_script() { [ -n "$(field ".scripts[\"$1\"]?")" ]; }
has_lockfile() { [ -f "$BUILD/package-lock.json" ] || [ -f "$BUILD/npm-shrinkwrap.json" ]; }

check_app() {
  local problem other
  problem=$(jq empty "$BUILD/package.json" 2>&1) || fail 'package.json is not valid JSON:' "  ${problem#jq: }"
  [ "$(jq -rs 'if length == 1 then .[0] | type else "none" end' "$BUILD/package.json")" = object ] || fail 'package.json is not a JSON object.'
  can_start || fail 'This app says in no way how it starts.' \
    'Add a "start" script to package.json, a server.js, or a Procfile with a line such as "web: node index.js".'
  for other in yarn.lock pnpm-lock.yaml; do
    [ ! -f "$BUILD/$other" ] || has_lockfile || warn "$other is not used: dependencies are installed with npm."
  done
  [ ! -d "$BUILD/node_modules" ] || warn 'node_modules is part of the source: better leave it out, it is installed here.'
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
