# Messages of the buildpack, and the settings in static.json.

SETTINGS=$BUILD/static.json

say() { printf '       %s\n' "$*"; }

fail() {
  printf ' !     %s\n' "$@" >&2
  exit 1
}

# setting FILTER DEFAULT: a value of static.json.
setting() {
  if [ -f "$SETTINGS" ]; then jq -r --arg default "$2" "($1) // \$default" "$SETTINGS"; else printf '%s\n' "$2"; fi
}

# headers PART: the "headers" of static.json, for nginx.
headers() {
  [ ! -f "$SETTINGS" ] || jq -r --arg part "$1" -f "$HERE/lib/headers.jq" "$SETTINGS"
}

check_settings() {
  [ -f "$SETTINGS" ] || return 0
  jq -e 'type == "object"' "$SETTINGS" >/dev/null 2>&1 || fail 'static.json is not a JSON object.'
  local problem ignored
  problem=$(jq -r -f "$HERE/lib/problems.jq" "$SETTINGS")
  [ -z "$problem" ] || fail "static.json: $problem"
  ignored=$(jq -r 'keys - ["root", "clean_urls", "error_page", "routes", "headers"] | join(", ")' "$SETTINGS")
  [ -z "$ignored" ] || echo " !     static.json: not supported here and ignored: $ignored"
}
