# Reads package.json.

# field FILTER: a value of package.json, empty when absent.
field() { jq -r "($1) // \"\" | if type == \"string\" then . else tojson end" "$BUILD/package.json"; }
has_script() { [ -n "$(field ".scripts[\"$1\"]?")" ]; }
has_lockfile() { [ -f "$BUILD/package-lock.json" ] || [ -f "$BUILD/npm-shrinkwrap.json" ]; }
