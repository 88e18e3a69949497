# What the scripts of bin/ have in common: the functions, a folder for temporary files, and the settings of Bundler.

PACK=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/ruby.XXXXXX")
trap 'rm -rf "$SCRATCH"' EXIT

for part in ../../lib/output ../../lib/cache gems rails; do
  # shellcheck disable=SC1090
  source "$PACK/lib/$part.sh"
done

# The worker chooses the build image by these files, so only files behind links get here without Ruby.
command -v bundle >/dev/null || fail 'Ruby is not part of this build, because Gemfile and Gemfile.lock are not regular files of the source.' \
  'Replace links to them, and links in PROJECT_DIR, by files and folders.'

# The release has the same settings (apps/worker/src/deployments/release-image.ts).
export BUNDLE_PATH=$BUILD/.gems BUNDLE_DEPLOYMENT=true BUNDLE_WITHOUT=${BUNDLE_WITHOUT:-development:test}
export BUNDLE_JOBS=${BUNDLE_JOBS:-4} BUNDLE_RETRY=3 BUNDLE_GLOBAL_GEM_CACHE=true BUNDLE_USER_HOME=$CACHE/bundler
export BUNDLE_SILENCE_ROOT_WARNING=true BUNDLE_IGNORE_MESSAGES=true NO_COLOR=1
export RACK_ENV=${RACK_ENV:-production} RAILS_ENV=${RAILS_ENV:-production}
# Otherwise Bundler would install the version that wrote Gemfile.lock, and start again.
BUNDLER_VERSION=$(ruby -rbundler -e 'print Bundler::VERSION')
export BUNDLER_VERSION
unset BUNDLE_GEMFILE BUNDLE_FROZEN BUNDLE_APP_CONFIG
cd "$BUILD"
