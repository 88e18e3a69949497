# Yarn 1.

manager_settings() {
  YARN=("$NODE_BIN/yarn")
  RUN=("${YARN[@]}" run)
  export YARN_CACHE_FOLDER=$CACHE/yarn-1 SKIP_YARN_COREPACK_CHECK=1
  OWN_REGISTRY=no
  if names_registry 'registry' .npmrc .yarnrc; then OWN_REGISTRY=yes; else export YARN_REGISTRY=$REGISTRY; fi
  [ -z "$CA_FILE" ] || export YARN_CAFILE=$CA_FILE
}

manager_install() {
  local frozen=(--frozen-lockfile) production=false
  [ -f "$BUILD/yarn.lock" ] || frozen=(--pure-lockfile)
  [ "$INCLUDE" = all ] || production=true
  with_registry installing "${YARN[@]}" install "${frozen[@]}" "--production=$production" --prefer-offline --non-interactive --no-progress
}

manager_prune() {
  with_registry indented "${YARN[@]}" install --frozen-lockfile --production --ignore-scripts --prefer-offline --non-interactive \
    --no-progress
}

# with_registry COMMAND...: yarn.lock has the whole URLs of tarballs, so those of the public registry are replaced meanwhile.
with_registry() {
  local code=0
  if [ "$OWN_REGISTRY" = yes ] || [ ! -f "$BUILD/yarn.lock" ]; then
    "$@" || code=$?
    return "$code"
  fi
  cp -p "$BUILD/yarn.lock" "$SCRATCH/yarn.lock"
  sed -E -i "s#^(  resolved \"?)https?://registry\.(yarnpkg\.com|npmjs\.org)/#\1$REGISTRY/#" "$BUILD/yarn.lock"
  "$@" || code=$?
  cp -p "$SCRATCH/yarn.lock" "$BUILD/yarn.lock"
  return "$code"
}

explain_install() {
  if said 'lockfile needs to be updated'; then out_of_date yarn.lock 'yarn install'; fi
  if said 'is incompatible with this module'; then fail 'A package does not run on this version of Node.js (see above).'; fi
}
