# How the app starts.

# Writes the command of the web process without a Procfile into the buildpack's file start, for bin/release.
choose_start() {
  local module name
  [ ! -f Procfile ] || return 0
  module=$(module_name)
  for name in "$module" web; do
    [[ " ${PROGRAMS[*]} " != *" $name "* ]] || break
  done
  [ "${#PROGRAMS[@]}" -gt 1 ] || name=${PROGRAMS[0]}
  [[ " ${PROGRAMS[*]} " == *" $name "* ]] ||
    fail "The app has ${#PROGRAMS[@]} programs (${PROGRAMS[*]}), and none of them is called $module or web." \
      "Add a Procfile with a line such as \"web: bin/${PROGRAMS[0]}\"."
  printf 'bin/%s\n' "$name" >"$PACK/start"
}

# The last element of the module's path: that of example.com/shop/v2 is shop.
module_name() {
  local path
  path=$(sed -nE 's/^module[[:space:]]+["`]?([^"`[:space:]]+)["`]?.*/\1/p' go.mod | head -n 1)
  [[ ! $path =~ /v[0-9]+$ ]] || path=${path%/*}
  echo "${path##*/}"
}

# Commands find the programs by their names.
leave_profile() {
  mkdir -p .profile.d
  # shellcheck disable=SC2016
  echo 'export PATH=/app/bin:$PATH' >.profile.d/go.sh
}
