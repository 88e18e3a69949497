# What the scripts of bin/ have in common: the functions, a folder for temporary files, and the settings of Go.

PACK=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/go.XXXXXX")
trap 'rm -rf "$SCRATCH"' EXIT

for part in ../../lib/output packages build start; do
  # shellcheck disable=SC1090
  source "$PACK/lib/$part.sh"
done

# The worker chooses the build image by go.mod, so only a go.mod behind a link gets here without Go.
command -v go >/dev/null || fail 'Go is not part of this build, because go.mod is not a regular file of the source.' \
  'Replace links to it, and links in PROJECT_DIR, by files and folders.'

# Names of the app's own (GOPROXY, GOSUMDB, GOPRIVATE, GOFLAGS, CGO_ENABLED…) are in the environment, where Go reads them.
export GOPROXY=${GOPROXY:-$SLIPWAY_GO_PROXY,direct} GOSUMDB=${GOSUMDB:-$SLIPWAY_GO_SUMDB}
# The worker chose this Go; it must not download another one.
export GOTOOLCHAIN=local GOENV=off
# The folder for temporary files may be in memory, and too small for what Go links. A read-only cache could not be deleted.
export GOMODCACHE=$CACHE/go/modules GOCACHE=$CACHE/go/build GOPATH=$SCRATCH/gopath GOTMPDIR=$CACHE/go/temporary
export GOFLAGS="${GOFLAGS:-} -modcacherw"
rm -rf "$GOTMPDIR"
mkdir -p "$GOTMPDIR"
cd "$BUILD"
