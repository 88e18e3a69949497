# What the scripts of bin/ have in common: the functions, a folder for temporary files, and the settings of the package manager.

PACK=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/nodejs.XXXXXX")
trap 'rm -rf "$SCRATCH"' EXIT

for part in output app registry dependencies; do
  # shellcheck disable=SC1090
  source "$PACK/lib/$part.sh"
done

require_node
NODE_BIN=$(dirname "$(command -v node)")
MANAGER=$(package_manager)
configure_registry
# shellcheck disable=SC1090
source "$PACK/lib/managers/$MANAGER.sh"
export PATH=$BUILD/node_modules/.bin:$PATH
