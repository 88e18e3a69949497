# What the scripts of bin/ have in common: the functions, a folder for temporary files, and the settings of Composer.

PACK=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/php.XXXXXX")
trap 'rm -rf "$SCRATCH"' EXIT

for part in ../../lib/output ../../lib/cache packages; do
  # shellcheck disable=SC1090
  source "$PACK/lib/$part.sh"
done

# The worker chooses the build image by these files, so only files behind links get here without Composer.
command -v composer >/dev/null || fail 'PHP is not part of this build, because composer.json and composer.lock are not regular files of the source.' \
  'Replace links to them, and links in PROJECT_DIR, by files and folders.'

# The app's own variables (COMPOSER_AUTH, COMPOSER_MIRROR_PATH_REPOS…) are in the environment, where Composer reads them.
export COMPOSER_HOME=$SCRATCH/composer COMPOSER_CACHE_DIR=$CACHE/composer COMPOSER_NO_INTERACTION=1 COMPOSER_FUND=0
export COMPOSER_MEMORY_LIMIT=${COMPOSER_MEMORY_LIMIT:--1} COMPOSER_PROCESS_TIMEOUT=${COMPOSER_PROCESS_TIMEOUT:-0} NO_COLOR=1
# The names are those of the plan (packages/buildpacks/src/php/composer.ts).
# Symfony's default needs packages for development. The release has the same (stacks/launch/php/serve-php).
if [ -f composer.lock ] && grep -q '"symfony/framework-bundle"' composer.lock; then export APP_ENV=${APP_ENV:-prod}; fi
unset COMPOSER COMPOSER_VENDOR_DIR COMPOSER_BIN_DIR
cd "$BUILD"
