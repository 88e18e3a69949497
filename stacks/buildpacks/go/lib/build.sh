# Compiles programs with Go.

# The same sources give the same programs: without paths and without the state of a repository.
FLAGS=(-trimpath -buildvcs=false)

# Compiles into a folder of its own, since bin/ may be part of the source. Sets PROGRAMS: the names of what was compiled.
compile_packages() {
  local code=0 flags=("${FLAGS[@]}") compiled
  add_linker_flags
  heading "Compiling ${PACKAGES[*]}"
  compiled=$(mktemp -d "$BUILD/.compiled.XXXXXX")
  recorded "$SCRATCH/log" go build "${flags[@]}" -o "$compiled/" "${PACKAGES[@]}" || code=$?
  [ "$code" = 0 ] || explain_failure "$SCRATCH/log"
  mapfile -t PROGRAMS < <(ls "$compiled")
  mkdir -p bin || fail 'bin must be a folder: the compiled programs go there.'
  mv -f -- "$compiled"/* bin/
  rmdir "$compiled"
}

# Heroku's names for a variable that the linker sets, and flags as a whole.
add_linker_flags() {
  local linked=${GO_LDFLAGS:-}
  [ -z "${GO_LINKER_SYMBOL:-}" ] || linked+=" -X '$GO_LINKER_SYMBOL=${GO_LINKER_VALUE:-}'"
  [ -z "$linked" ] || flags+=("-ldflags=$linked")
}

explain_failure() {
  local hint=()
  if grep -qE 'missing go\.sum entry|updates to go\.(mod|sum) needed' "$1"; then
    hint=('go.mod and go.sum do not fit the sources. Run: go mod tidy, and add both files to the source.')
  elif grep -q 'inconsistent vendoring' "$1"; then
    hint=('vendor/ does not fit go.mod. Run: go mod vendor, and add the folder to the source, or leave it out.')
  elif grep -qE 'requires go >= |go\.mod requires go' "$1"; then
    hint=('The app or a dependency needs a newer Go. Raise the version in the go line of go.mod.')
  elif grep -qE 'SECURITY ERROR|checksum mismatch' "$1"; then
    hint=('A module is not the one of go.sum, or of the checksum database (see above).')
  elif grep -qE '(terminal prompts disabled|could not read Username|404 Not Found|410 Gone|Repository not found)' "$1"; then
    hint=('A module cannot be downloaded. For a private one set GOPRIVATE, or run: go mod vendor.')
  elif grep -q 'no main packages to build' "$1"; then
    hint=('GO_INSTALL_PACKAGE_SPEC, or the install line of go.mod, names no package with a function main.')
  elif grep -q 'cgo: C compiler' "$1"; then
    hint=('cgo finds no C compiler. Unset CC, or set CGO_ENABLED to 0.')
  fi
  fail 'The app does not compile (see above).' "${hint[@]}"
}

# Go finds unpacked modules without their archives, which double the size of the cache.
trim_caches() {
  [ ! -d "$GOMODCACHE/cache/download" ] || find "$GOMODCACHE/cache/download" -name '*.zip' -delete
  rm -rf "$GOMODCACHE/cache/vcs" "$GOTMPDIR"
}
