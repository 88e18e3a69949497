# pnpm. Up to version 10 it reads variables npm_config_*, later ones pnpm_config_*.

# shellcheck disable=SC2034
ALLOW_SCRIPTS='run pnpm approve-builds and add the files that it changes to the source.'

manager_settings() {
  PNPM=("$NODE_BIN/pnpm" "--config.store-dir=$CACHE/pnpm" --config.update-notifier=false)
  RUN=("$NODE_BIN/pnpm" run)
  export npm_config_userconfig=$SCRATCH/npmrc
  # The worker chose the version, so pnpm neither replaces itself nor compares it with packageManager of package.json.
  export npm_config_manage_package_manager_versions=false npm_config_package_manager_strict=false
  export pnpm_config_manage_package_manager_versions=false pnpm_config_pm_on_fail=ignore COREPACK_ENABLE_STRICT=0
  # Dependencies do not change between the install and a script.
  export npm_config_verify_deps_before_run=false pnpm_config_verify_deps_before_run=false
}

manager_install() {
  local frozen=--frozen-lockfile include=--prod=false
  [ -f "$BUILD/pnpm-lock.yaml" ] || frozen=--no-frozen-lockfile
  [ "$INCLUDE" = all ] || include=--prod
  local selection=()
  [ -z "$WORKSPACE" ] || selection=(--filter "{./$WORKSPACE}..." --filter .)
  say "pnpm install $frozen $include${selection[*]:+ ${selection[*]}}, NODE_ENV=$NODE_ENV"
  # Files of their own: those of the cache must not change with what a script does to node_modules.
  recorded "$SCRATCH/install.log" env CI=true "${PNPM[@]}" install "$frozen" "$include" --prefer-offline --reporter=append-only \
    --package-import-method=clone-or-copy "${selection[@]}"
}

# From pnpm 10 on. It notes them in YAML, or in JSON.
blocked_scripts() {
  sed -nE '/^ *"?ignoredBuilds"?:/,/^ *("?[A-Za-z]+"?:|\])/{s/^ +(- )?["'\'']?([^"'\''(]+@[^"'\''(]+).*/\2/p}' \
    "$BUILD/node_modules/.modules.yaml" 2>/dev/null || :
}

# CI: pnpm has no terminal to ask on whether it may replace node_modules. `prune` knows no workspaces.
manager_prune() {
  local command=(prune --prod --ignore-scripts)
  [ -z "$WORKSPACE" ] || command=(install --prod --ignore-scripts --frozen-lockfile --offline --reporter=append-only
    --config.modules-cache-max-age=0 --filter "{./$WORKSPACE}...")
  indented env CI=true "${PNPM[@]}" "${command[@]}"
}

explain_install() {
  if said 'ERR_PNPM_(OUTDATED_LOCKFILE|LOCKFILE_CONFIG_MISMATCH|LOCKFILE_MISSING)'; then out_of_date pnpm-lock.yaml 'pnpm install'; fi
  if said 'ERR_PNPM_(BROKEN_LOCKFILE|LOCKFILE_BREAKING_CHANGE|NO_LOCKFILE)'; then
    fail 'This version of pnpm cannot use pnpm-lock.yaml (see above).' \
      'To fix it: run pnpm install, add the changed pnpm-lock.yaml to the source, and name the version of pnpm in packageManager of package.json.'
  fi
  if said 'ERR_PNPM_IGNORED_BUILDS'; then fail 'This version of pnpm fails if install scripts are neither allowed nor denied (see above).'; fi
  if said 'ERR_PNPM_UNSUPPORTED_ENGINE'; then fail 'A package does not run on this version of Node.js or pnpm (see above).'; fi
}
