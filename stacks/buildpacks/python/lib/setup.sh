# What the scripts of bin/ have in common: the functions, a folder for temporary files, and the settings of uv.

PACK=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/python.XXXXXX")
trap 'rm -rf "$SCRATCH"' EXIT

for part in ../../lib/output ../../lib/cache index dependencies django; do
  # shellcheck disable=SC1090
  source "$PACK/lib/$part.sh"
done

# The worker chooses the build image by these files, so only files behind links get here without uv.
command -v uv >/dev/null || fail 'Python is not part of this build, because the files that list the packages are not regular files of the source.' \
  'Replace links to them, and links in PROJECT_DIR, by files and folders.'

ENVIRONMENT=$BUILD/.venv
PYTHON=$(command -v python3)
# A program of the release finds its Python beside itself, at another path than in the build.
export UV_VENV_RELOCATABLE=1 UV_PROJECT_ENVIRONMENT=$ENVIRONMENT VIRTUAL_ENV=$ENVIRONMENT
export UV_PYTHON_DOWNLOADS=never UV_PYTHON_PREFERENCE=only-system UV_LINK_MODE=copy UV_NO_PROGRESS=1 UV_CACHE_DIR=$CACHE/uv
# All files of a release have the same time, so compiled files are not compared with their sources.
export UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=UNCHECKED_HASH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
configure_index
export PATH=$ENVIRONMENT/bin:$PATH
cd "$BUILD"
