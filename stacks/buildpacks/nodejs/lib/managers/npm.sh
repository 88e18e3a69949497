# npm, which reads npm-shrinkwrap.json before package-lock.json.

# shellcheck disable=SC2034
ALLOW_SCRIPTS='run npm install-scripts approve %s and add the changed package.json to the source.'

manager_settings() {
  RUN=(npm run)
  SELECTION=()
  [ -z "$WORKSPACE" ] || SELECTION=("--workspace=$WORKSPACE" --include-workspace-root)
  export npm_config_cache=$CACHE/npm npm_config_logs_dir=$SCRATCH/npm-logs npm_config_logs_max=0
  export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false npm_config_progress=false
}

manager_install() {
  local command=install include=--include=dev
  if has_any npm-shrinkwrap.json package-lock.json; then command=ci; fi
  [ "$INCLUDE" = all ] || include=--omit=dev
  # Of an error of usage npm prints all options.
  local HIDDEN='/npm \(error\|ERR!\) code EUSAGE/,$d'
  installing npm "$command" "$include" --prefer-offline "${SELECTION[@]}"
}

manager_prune() { indented npm prune --omit=dev --ignore-scripts "${SELECTION[@]}"; }

# From npm 12 on.
blocked_scripts() {
  said 'install scripts blocked' || return 0
  sed -nE 's/^ *npm warn install-scripts +([^ ]+@[^ ]+) \(.*/\1/p' "$SCRATCH/install.log"
}

explain_install() {
  if said 'code EUSAGE'; then explain_usage; fi
  if said EJSONPARSE; then fail 'A JSON file of the source cannot be read (see above).'; fi
}

# `npm ci` names each package that package.json and the lock file disagree on; without them it gives another reason.
explain_usage() {
  local name=package-lock.json lines
  ! has_any npm-shrinkwrap.json || name=npm-shrinkwrap.json
  mapfile -t lines < <(sed -nE -e "s/^ *npm (error|ERR!) Missing: (.*) from lock file$/  $name does not have \2/p" \
    -e "s/^ *npm (error|ERR!) Invalid: lock file's (.*) does not satisfy (.*)$/  $name has \2 instead of \3/p" "$SCRATCH/install.log")
  if [ "${#lines[@]}" = 0 ]; then
    mapfile -t lines < <(sed -nE -e '/code EUSAGE/,/(Clean install|Usage:)/{//d;s/^ *npm (error|ERR!) +(.+)/\2/p}' "$SCRATCH/install.log")
    fail "npm cannot use $name:" "${lines[@]}"
  fi
  [ "${#lines[@]}" -le 5 ] || lines=("${lines[@]:0:5}" "  and $((${#lines[@]} - 5)) more")
  fail "package.json and $name do not agree:" "${lines[@]}" \
    "To fix it: run npm install and add the changed $name to the source."
}
