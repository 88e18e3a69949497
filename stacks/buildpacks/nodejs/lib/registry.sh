# The operator's npm registry. It is a default: a registry in an app's own configuration has precedence.

configure_registry() {
  [ -n "${npm_config_registry:-}" ] || fail 'No npm registry is configured for builds (npm_config_registry is empty).' \
    'The operator of this installation sets it with BUILD_NPM_REGISTRY.'
  REGISTRY=${npm_config_registry%/} CA_FILE=${npm_config_cafile:-}
  # In a configuration file, because a variable has precedence over the .npmrc of an app, which may name another registry.
  printf 'registry=%s/\n' "$REGISTRY" >"$SCRATCH/npmrc"
  [ -z "$CA_FILE" ] || printf 'cafile=%s\n' "$CA_FILE" >>"$SCRATCH/npmrc"
  unset npm_config_registry npm_config_cafile
  export npm_config_globalconfig=$SCRATCH/npmrc
}

registry_host() { sed -E 's,^[a-z]+://([^/]*@)?([^/:]+).*,\2,' <<<"$REGISTRY"; }

# names_registry PATTERN FILE...: whether one of the app's files has a line that begins with the pattern.
names_registry() {
  local pattern=$1
  shift
  (cd "$BUILD" && grep -Eqs "^[[:space:]]*$pattern" "$@")
}
