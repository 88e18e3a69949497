# What is particular to an app in another language, whose package.json builds its assets.

# Settings of package managers that the next buildpack needs: its scripts may call them, as `rake assets:precompile` does.
ASSETS_SETTINGS='^(NODE_ENV|(npm|pnpm)_(config|package_config)_.*|YARN_.*|COREPACK_.*|SKIP_YARN_COREPACK_CHECK|BUN_.*)$'

# The app may do without the assets.
advise() {
  [ -z "${SLIPWAY_ASSETS:-}" ] || warn 'The language of this app is not Node.js: DISABLE_NODE_ASSETS=1 leaves Node.js out of its build.'
}

# jsbundling-rails runs the script build as part of `rake assets:precompile`.
is_built_by_rake() { [ -n "${SLIPWAY_ASSETS:-}" ] && [ -f "$BUILD/Rakefile" ] && grep -qsE '^    jsbundling-rails \(' "$BUILD/Gemfile.lock"; }

# Of the folders of packages, those of the source belong to the app, and so do those that its build writes into its output. What the
# install adds is listed in the file `installed-modules`, separated by NUL, for the runner.
note_source_modules() {
  [ -z "${SLIPWAY_ASSETS:-}" ] || modules_folders >"$SCRATCH/source-modules"
}

note_installed_modules() {
  [ -z "${SLIPWAY_ASSETS:-}" ] || modules_folders | comm -z -13 "$SCRATCH/source-modules" - >"$PACK/installed-modules"
}

modules_folders() { find "$BUILD" -name node_modules -prune -print0 | LC_ALL=C sort -z; }

# Writes the file `export` of the buildpack API.
export_for_assets() {
  [ -n "${SLIPWAY_ASSETS:-}" ] || return 0
  local name kept=$PACK/kept
  mkdir -p "$kept"
  [ ! -f "$SCRATCH/npmrc" ] || cp "$SCRATCH/npmrc" "$kept/npmrc"
  while IFS= read -r name; do
    printf 'export %s=%q\n' "$name" "${!name//"$SCRATCH"/"$kept"}"
  done < <(compgen -e | grep -E "$ASSETS_SETTINGS") >"$PACK/export"
  # The packages are there: tasks of Rails would install them again, without devDependencies.
  cat >>"$PACK/export" <<END
export PATH=$BUILD/node_modules/.bin:\$PATH
export SKIP_YARN_INSTALL=1 SKIP_BUN_INSTALL=1 VITE_RUBY_SKIP_ASSETS_PRECOMPILE_INSTALL=true
END
}
