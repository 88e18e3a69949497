# What the scripts of bin/ have in common: the functions, a folder for temporary files, and the settings of npm.

PACK=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/nodejs.XXXXXX")
trap 'rm -rf "$SCRATCH"' EXIT

for part in output app dependencies; do
  # shellcheck disable=SC1090
  source "$PACK/lib/$part.sh"
done

require_node
configure_registry
export PATH=$BUILD/node_modules/.bin:$PATH
