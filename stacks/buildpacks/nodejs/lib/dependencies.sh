# Installs dependencies with npm, runs the app's scripts, and removes what only the build needed.

CACHE_MAX_MB=500

# The worker chooses the build image by package.json, so only a package.json behind a link gets here without Node.js.
require_node() {
  command -v node >/dev/null || fail 'Node.js is not part of this build, because package.json is not a regular file of the source.' \
    'Replace links to it, and links in PROJECT_DIR, by files and folders.'
}

configure_registry() {
  [ -n "${npm_config_registry:-}" ] || fail 'No npm registry is configured for builds (npm_config_registry is empty).' \
    'The operator of this installation sets it with BUILD_NPM_REGISTRY.'
  # In a configuration file, because a variable has precedence over the .npmrc of an app, which may name another registry.
  printf 'registry=%s/\n' "${npm_config_registry%/}" >"$SCRATCH/npmrc"
  [ -z "${npm_config_cafile:-}" ] || printf 'cafile=%s\n' "$npm_config_cafile" >>"$SCRATCH/npmrc"
  unset npm_config_registry npm_config_cafile
  export npm_config_globalconfig=$SCRATCH/npmrc
}

# Native add-ons compile with the headers of the build image. npm 11 renamed the setting.
use_headers() {
  local home
  home=$(dirname "$(dirname "$(command -v node)")")
  [ -d "$home/include" ] || return 0
  if [ "$(npm --version | cut -d . -f 1)" -lt 11 ]; then
    export npm_config_nodedir=$home
  else
    export npm_package_config_node_gyp_nodedir=$home
  fi
}

restore_cache() {
  heading 'Restoring cache'
  if [ -d "$CACHE/npm/_cacache" ]; then say 'Restored npm cache'; else say 'No cache to restore'; fi
}

# devDependencies are needed by scripts that run here; NPM_CONFIG_PRODUCTION and NODE_ENV of the app have the last word.
choose_dependencies() {
  local script
  INCLUDE=--omit=dev PRUNE=no
  export NODE_ENV=${NODE_ENV:-production}
  if [ "${NPM_CONFIG_PRODUCTION:-}" = true ]; then
    :
  elif [ "${NPM_CONFIG_PRODUCTION:-}" = false ] || [ "$NODE_ENV" != production ]; then
    INCLUDE=--include=dev
  else
    for script in heroku-prebuild preinstall install postinstall prepare build heroku-postbuild; do
      if [ "${MODE:-all}" = all ] && has_script "$script"; then INCLUDE=--include=dev PRUNE=yes; fi
    done
  fi
  unset NPM_CONFIG_PRODUCTION # an old name: npm would only complain of it
}

npm_settings() {
  export npm_config_cache=$CACHE/npm npm_config_logs_dir=$SCRATCH/npm-logs npm_config_logs_max=0
  export npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false npm_config_progress=false
}

prepare_build() {
  choose_dependencies
  npm_settings
  use_headers
  cd "$BUILD"
}

install_dependencies() {
  local command=ci
  heading 'Installing dependencies'
  prepare_build
  if ! has_lockfile; then
    command=install
  fi
  run_script heroku-prebuild
  say "npm $command, NODE_ENV=$NODE_ENV"
  recorded "$SCRATCH/npm.log" npm "$command" "$INCLUDE" --prefer-offline || explain_npm_failure
}

explain_npm_failure() {
  if grep -q 'EUSAGE' "$SCRATCH/npm.log" && has_lockfile; then
    fail 'package.json and its lock file do not agree (see above).' 'To fix it: run npm install and add the changed lock file to the source.'
  elif grep -q 'EJSONPARSE' "$SCRATCH/npm.log"; then
    fail 'A JSON file of the source cannot be read (see above).'
  elif grep -qE 'code (E404|ETARGET)' "$SCRATCH/npm.log"; then
    fail 'A dependency, or its version, is not in the npm registry (see above).'
  elif grep -qE 'code (ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|ERR_SOCKET|UNABLE_TO|SELF_SIGNED)' "$SCRATCH/npm.log"; then
    fail 'The npm registry could not be reached (see above).'
  fi
  fail 'The dependencies could not be installed (see above).'
}

run_script() {
  has_script "$1" || return 0
  heading "Running the script $1"
  indented npm run "$1" || fail "The script $1 of package.json failed (see above)."
}

run_build_scripts() {
  if has_script heroku-postbuild; then run_script heroku-postbuild; else run_script build; fi
}

prune_dependencies() {
  [ "$PRUNE" = yes ] && [ -d "$BUILD/node_modules" ] || return 0
  heading 'Pruning devDependencies'
  indented npm prune --omit=dev --ignore-scripts || fail 'npm prune failed (see above).'
}

remove_build_only_files() {
  rm -rf "$BUILD"/node_modules/.{cache,vite,vite-temp}
}

# npm's cache never shrinks by itself, so it starts anew when it is large.
save_cache() {
  heading 'Saving cache'
  mkdir -p "$CACHE/npm"
  if [ "$(du -sm "$CACHE/npm" | cut -f 1)" -gt "$CACHE_MAX_MB" ]; then
    rm -rf "$CACHE/npm"
    say "The npm cache was larger than $CACHE_MAX_MB MB: the next build starts a new one"
  fi
  rm -rf "$CACHE/npm/_logs" "$CACHE/packages" "$CACHE/registry"
  say "$(du -sm "$CACHE" | cut -f 1) MB kept for the next build"
}
