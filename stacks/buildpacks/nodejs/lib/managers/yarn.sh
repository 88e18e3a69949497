# Yarn 2 and later ("berry").

# shellcheck disable=SC2034
ALLOW_SCRIPTS='add "dependenciesMeta": {"NAME": {"built": true}} to package.json for each (%s), or enableScripts: true to .yarnrc.yml.'

manager_settings() {
  YARN=("$NODE_BIN/yarn")
  RUN=("${YARN[@]}" run)
  export YARN_GLOBAL_FOLDER=$CACHE/yarn YARN_ENABLE_TELEMETRY=0 YARN_ENABLE_PROGRESS_BARS=0 YARN_ENABLE_INLINE_BUILDS=1
  # A cache in the source is used as it is.
  [ -d "$BUILD/.yarn/cache" ] || export YARN_ENABLE_GLOBAL_CACHE=1
  names_registry npmRegistryServer: .yarnrc.yml || export YARN_NPM_REGISTRY_SERVER=$REGISTRY
  [[ $REGISTRY != http://* ]] || export YARN_UNSAFE_HTTP_WHITELIST=${YARN_UNSAFE_HTTP_WHITELIST:-$(registry_host)}
  # An image starts with `node`, which finds packages in node_modules only.
  [ "$(linker)" != pnp ] || export YARN_NODE_LINKER=node-modules
}

linker() { (cd "$BUILD" && "${YARN[@]}" config get nodeLinker 2>/dev/null || echo pnp); }

manager_install() {
  local immutable=--immutable
  [ -f "$BUILD/yarn.lock" ] || immutable=--no-immutable
  [ "${YARN_NODE_LINKER:-}" != node-modules ] || say 'Packages are installed in node_modules, also if the app uses Plug’n’Play'
  if [ "$INCLUDE" = all ]; then
    installing "${YARN[@]}" install "$immutable"
  elif can_focus; then
    # Only the first of these commands compares package.json with yarn.lock.
    installing "${YARN[@]}" install "$immutable" --mode=skip-build && focus
  else
    installing "${YARN[@]}" install "$immutable"
  fi
}

manager_prune() {
  if can_focus; then
    focus
  else
    say 'devDependencies remain: this version of yarn has no command "workspaces focus".'
    say 'Use yarn 4, or add its plugin workspace-tools to the source.'
  fi
}

focus() {
  local all=(--all)
  [ -z "$WORKSPACE" ] || all=()
  cd "$APP"
  indented "${YARN[@]}" workspaces focus "${all[@]}" --production || return
  cd "$BUILD"
}
can_focus() { (cd "$BUILD" && "${YARN[@]}" workspaces focus --help >/dev/null 2>&1); }

# From yarn 4.14 on, or with enableScripts: false.
blocked_scripts() {
  sed -nE 's/^.*YN0004: [^A-Za-z0-9@]*(@?[^@ ]+)@(npm:)?([^ ]+) lists build scripts.*/\1@\3/p' "$SCRATCH/install.log"
}

explain_install() {
  if said 'YN0028'; then out_of_date yarn.lock 'yarn install'; fi
}
