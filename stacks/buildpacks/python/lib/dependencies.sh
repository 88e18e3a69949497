# Installs dependencies with uv, from whichever file lists them.

# install_dependencies apart|whole: `apart` has only the files that list them.
install_dependencies() {
  heading 'Installing dependencies'
  rm -rf "$ENVIRONMENT"
  uv venv --quiet --relocatable --python "$PYTHON" "$ENVIRONMENT" || fail 'The virtual environment cannot be made (see above).'
  if [ -f uv.lock ]; then
    from_uv_lock "$1"
  elif [ -f poetry.lock ]; then
    from_export poetry.lock export_poetry
    if [ "$1" = whole ]; then install_project; fi
  elif [ -f Pipfile.lock ]; then
    from_export Pipfile.lock export_pipenv
  elif [ -f requirements.txt ]; then
    installing uv pip install --requirement requirements.txt || explain_failure requirements.txt
  elif [ "$1" = apart ]; then
    warn 'There is no lock file: each install takes the newest versions that pyproject.toml allows. Add a uv.lock: run uv lock.'
    installing uv pip install --requirement pyproject.toml || explain_failure pyproject.toml
  else
    installing uv pip install . || explain_failure 'the project'
  fi
}

# installing COMMAND...: with its output in the log of the install.
installing() {
  say "$*"
  recorded "$SCRATCH/install.log" "$@"
}

from_uv_lock() {
  local options=(--no-dev --python "$PYTHON")
  if [ "$1" = apart ]; then options+=(--no-install-project); else options+=(--no-editable); fi
  if replaces_index; then
    # uv.lock has the whole URLs of its index.
    [ "$1" = apart ] || fail 'An app that is a package, with a uv.lock, is installed from the index of the lock file only.' \
      'Remove UV_DEFAULT_INDEX, UV_INDEX_URL and PIP_INDEX_URL, or set package = false in [tool.uv] of pyproject.toml.'
    from_export uv.lock export_uv
    return
  fi
  installing uv sync --locked "${options[@]}" || explain_failure uv.lock
}

# from_export FILE FUNCTION: the function writes the locked packages with their hashes as a list that uv installs.
from_export() {
  "$2" >"$SCRATCH/exported.txt" 2>"$SCRATCH/export.log" || {
    sed 's/^/       /' "$SCRATCH/export.log"
    ! grep -qE 'changed significantly' "$SCRATCH/export.log" || fail "pyproject.toml and $1 do not agree (see above)." \
      "To fix it: run poetry lock and add the changed $1 to the source."
    fail "The packages of $1 cannot be read (see above)."
  }
  # An index in the list would have precedence over the settings.
  sed -E -i '/^(-i|--index-url|--extra-index-url) https:\/\/pypi\.org\/simple\/?$/d' "$SCRATCH/exported.txt"
  say "Installing the packages of $1 with uv"
  installing uv pip sync --quiet "$SCRATCH/exported.txt" || explain_failure "$1"
}

export_uv() { uv export --frozen --no-dev --no-emit-project --format requirements.txt --quiet; }
export_poetry() { uv tool run --quiet --python "$PYTHON" --from 'poetry>=2' --with poetry-plugin-export poetry export --format requirements.txt --no-interaction; }
export_pipenv() { uv tool run --quiet --python "$PYTHON" pipenv requirements --hash; }

# An app that is a package itself, or depends on a folder of the source.
install_project() {
  grep -q '^\[build-system\]' pyproject.toml || return 0
  installing uv pip install --no-deps . || explain_failure 'the project'
}

# explain_failure FILE
explain_failure() {
  if said 'lockfile .*(needs to be updated|is not up-to-date)|Unable to find lockfile'; then
    fail "pyproject.toml and $1 do not agree (see above)." "To fix it: run uv lock and add the changed $1 to the source."
  elif said 'No solution found|was not found in the package registry|no version of|not satisfy|incompatible with'; then
    fail "A package of $1, or its version, is not in the index, or does not fit the version of Python (see above)."
  elif said 'Failed to (build|compile)|build backend'; then
    fail 'A package has no wheel for this version of Python, and could not be built (see above).' \
      'Choose a version of the package that has one, or another version of Python in .python-version.'
  elif said 'error sending request|dns error|Connect|timed out|certificate|Could not connect'; then
    fail 'The Python package index could not be reached (see above).'
  elif said '[Hh]ash mismatch'; then
    fail "A package does not have the hash of $1 (see above)." 'If the package was published again, lock its new hash.'
  fi
  fail "The dependencies of $1 could not be installed (see above)."
}

# What uv can build or download again.
trim_cache() { uv cache prune --ci --quiet || :; }
