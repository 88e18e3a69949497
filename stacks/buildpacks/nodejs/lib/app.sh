# Reads package.json and the names of other files of the app.

# field FILTER: a value of package.json, empty when absent.
field() { jq -r "($1) // \"\" | if type == \"string\" then . else tojson end" "$APP/package.json"; }
has_script() { [ -n "$(field ".scripts[\"$1\"]?")" ]; }

# has_any NAME...: whether the source has one of these files at its root.
has_any() {
  local name
  for name in "$@"; do [ ! -f "$BUILD/$name" ] || return 0; done
  return 1
}

# The worker chooses it, and puts it beside Node.js. npm is always there.
package_manager() {
  local name
  for name in pnpm bun; do
    if [ -x "$NODE_BIN/$name" ]; then echo "$name" && return; fi
  done
  if [ ! -x "$NODE_BIN/yarn" ]; then echo npm && return; fi
  # In the app's folder, because yarnPath of .yarnrc.yml may name another version.
  case $(cd "$BUILD" && "$NODE_BIN/yarn" --version) in
  [01].*) echo yarn-1 ;;
  *) echo yarn ;;
  esac
}
