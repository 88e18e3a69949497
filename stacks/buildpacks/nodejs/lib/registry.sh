# Packages from the npm registry by curl: what it knows of one (kept with its ETag), and tarballs checked before use.

USED_TARBALLS=()

configure_registry() {
  [ -n "${npm_config_registry:-}" ] || fail 'No npm registry is configured for builds (npm_config_registry is empty).' \
    'The operator of this installation sets it; Node.js itself comes from there.'
  REGISTRY=${npm_config_registry%/}
  # In npm's own configuration an .npmrc of the app may name another one; as a variable it would win over that file.
  printf 'registry=%s/\n' "$REGISTRY" >"$SCRATCH/npmrc"
  [ -z "${npm_config_cafile:-}" ] || printf 'cafile=%s\n' "$npm_config_cafile" >>"$SCRATCH/npmrc"
  unset npm_config_registry npm_config_cafile
  export npm_config_globalconfig=$SCRATCH/npmrc
}

fetch() {
  curl -fsSL --retry 3 --retry-connrefused --connect-timeout "${CURL_CONNECT_TIMEOUT:-30}" --max-time "${CURL_TIMEOUT:-180}" "$@"
}

# package_file NAME: sets PACKAGE_FILE to what the registry says of the package (its versions, tarballs, engines).
package_file() {
  local kept=$CACHE/registry/$1.json etag=$CACHE/registry/$1.etag fresh=$SCRATCH/$1.json
  PACKAGE_FILE=$kept
  [ ! -e "$SCRATCH/$1.known" ] || return 0
  mkdir -p "$CACHE/registry"
  [ -s "$kept" ] || rm -f "$etag"
  if ! fetch --compressed -H 'accept: application/vnd.npm.install-v1+json' -o "$fresh" \
    --etag-compare "$etag" --etag-save "$SCRATCH/$1.etag" "$REGISTRY/$1"; then
    [ -s "$kept" ] || fail "The npm registry does not give the package $1 (see the line above): try again, or ask the operator."
    warn "The npm registry does not give the package $1: going on with what it said at an earlier build."
  elif [ -s "$fresh" ]; then
    jq -e '.versions | type == "object"' "$fresh" >/dev/null || fail "The npm registry's answer about the package $1 makes no sense."
    mv "$fresh" "$kept"
    cat "$SCRATCH/$1.etag" >"$etag"
  fi
  : >"$SCRATCH/$1.known"
}

sha512() { sha512sum "$1" | cut -c 1-128 | tr a-f A-F | basenc -d --base16 | base64 -w 0; }

# tarball NAME VERSION TITLE: sets TARBALL to a checked one, from the cache or the registry.
tarball() {
  local name=$1 version=$2 title=$3 url expected
  package_file "$name"
  url=$(jq -r --arg v "$version" '.versions[$v].dist.tarball // ""' "$PACKAGE_FILE")
  # several hashes may be given, separated by blanks
  expected=$(jq -r --arg v "$version" '.versions[$v].dist.integrity // "" | split(" ") | map(select(startswith("sha512-"))) | (first // "")[7:]' "$PACKAGE_FILE")
  [ -n "$url" ] && [ -n "$expected" ] || fail "The npm registry names no tarball with a sha512 for $name $version."
  TARBALL=$CACHE/packages/$name-$version.tgz
  USED_TARBALLS+=("$TARBALL")
  if [ -f "$TARBALL" ] && [ "$(sha512 "$TARBALL")" = "$expected" ]; then
    say "Using cached $title"
    return 0
  fi
  say "Downloading $title"
  mkdir -p "$CACHE/packages"
  fetch -o "$TARBALL.part" "$url" || fail "$title could not be downloaded (see the line above)."
  [ "$(sha512 "$TARBALL.part")" = "$expected" ] || fail "$title was downloaded, but it is not what the registry's checksum says."
  mv "$TARBALL.part" "$TARBALL"
}
