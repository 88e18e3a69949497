# Bun.

# shellcheck disable=SC2034
ALLOW_SCRIPTS='run bun pm trust %s and add the changed package.json and lock file to the source.'

manager_settings() {
  BUN=("$NODE_BIN/bun")
  RUN=("${BUN[@]}" run)
  export BUN_INSTALL_CACHE_DIR=$CACHE/bun
  names_registry 'registry' .npmrc bunfig.toml || export BUN_CONFIG_REGISTRY=$REGISTRY
}

# Files of their own: those of the cache must not change with what a script does to node_modules.
manager_install() {
  local options=(--backend=copyfile --no-progress)
  ! has_any bun.lock bun.lockb || options+=(--frozen-lockfile)
  [ "$INCLUDE" = all ] || options+=(--production)
  [ -z "$WORKSPACE" ] || options+=(--filter "./$WORKSPACE")
  [ -z "$CA_FILE" ] || options+=("--cafile=$CA_FILE")
  installing "${BUN[@]}" install "${options[@]}"
}

# bun leaves packages in node_modules that it would not install.
manager_prune() {
  find "$BUILD" -name node_modules -prune -exec rm -rf {} +
  INCLUDE=production
  manager_install
}

# bun says only how many.
blocked_scripts() {
  said '^ *Blocked [0-9]+ (post|pre)?install' || return 0
  (cd "$BUILD" && "${BUN[@]}" pm untrusted 2>/dev/null) | untrusted_packages
}

untrusted_packages() { sed -nE 's#^\./node_modules/(.*/node_modules/)?(.*) (@[^ ]+)$#\2\3#p'; }

explain_install() {
  local lock_file=bun.lock
  has_any bun.lock || lock_file=bun.lockb
  if said 'lockfile (had changes|is frozen)'; then out_of_date "$lock_file" 'bun install'; fi
  if said '(error|Error): .*lockfile|InvalidLockfile|Unknown lockfile version'; then
    fail "This version of bun cannot use $lock_file (see above)." \
      'To fix it: run bun install, add the changed file to the source, and name the version of bun in packageManager of package.json.'
  fi
}
