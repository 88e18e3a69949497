# What is particular to an app that is a workspace of a monorepo.

# Builds the workspaces that the app depends on, before itself.
build_workspaces() {
  [ -n "$WORKSPACE" ] || return 0
  local directory
  workspaces_below "$APP" >"$SCRATCH/workspaces"
  while IFS= read -r directory <&3; do
    [ -n "$(jq -r '.scripts.build? // ""' "$directory/package.json")" ] || continue
    heading "Running the script build of ${directory#"$(realpath "$BUILD")"/}"
    cd "$directory"
    indented "${RUN[@]}" build || fail "The script build of ${directory#"$(realpath "$BUILD")"/} failed (see above)."
  done 3< <(awk '!seen[$0]++' "$SCRATCH/workspaces")
  cd "$BUILD"
}

# workspaces_below DIRECTORY: the workspaces that it depends on, those first that others depend on. All package managers link them.
workspaces_below() {
  local name at real
  while IFS= read -r name; do
    for at in "$1/node_modules/$name" "$BUILD/node_modules/$name"; do
      [ -L "$at" ] || continue
      real=$(realpath "$at")
      if [[ $real == "$(realpath "$BUILD")"/* && $real != */node_modules/* ]] && ! grep -qxF "$real" "$SCRATCH/visited" 2>/dev/null; then
        echo "$real" >>"$SCRATCH/visited"
        workspaces_below "$real"
        echo "$real"
      fi
      break
    done
  done < <(jq -r '[.dependencies, .devDependencies, .optionalDependencies] | map(keys? // []) | add // [] | unique[]' "$1/package.json")
}

# Processes start in the workspace: the scripts of this folder run before each, in the order of their names.
start_in_workspace() {
  [ -n "$WORKSPACE" ] || return 0
  mkdir -p "$BUILD/.profile.d"
  printf 'cd %q || exit 1\nexport PATH=$PWD/node_modules/.bin:$PATH\n' "$WORKSPACE" >"$BUILD/.profile.d/zz-workspace.sh"
}
