# Which packages of the app are compiled.

# Sets PACKAGES: what the app names, else its root and those below cmd/ that are programs, else all that are.
select_packages() {
  local named
  named=${GO_INSTALL_PACKAGE_SPEC:-$(sed -nE 's,^//[[:space:]]*\+heroku[[:space:]]+install[[:space:]]+(.*[^[:space:]])[[:space:]]*$,\1,p' go.mod | head -n 1)}
  PACKAGES=()
  if [ -n "$named" ]; then
    read -ra PACKAGES <<<"$named"
    refuse_options
  else
    find_programs
  fi
}

# A word of the app's that begins with a dash would be an option of Go.
refuse_options() {
  local package
  for package in "${PACKAGES[@]}"; do
    [[ $package != -* ]] || fail "$package is not a package. Options of Go belong to the variable GOFLAGS."
  done
}

find_programs() {
  local module all program
  module=$(go list -m 2>"$SCRATCH/errors" | head -n 1) || explain_go 'go.mod cannot be read.'
  list_programs >"$SCRATCH/programs" 2>"$SCRATCH/errors" || explain_go 'The packages of the app cannot be listed.'
  # Some versions download modules to list packages.
  sed -n 's/^go: downloading/       &/p' "$SCRATCH/errors"
  mapfile -t all <"$SCRATCH/programs"
  for program in "${all[@]}"; do
    if [[ $program == "$module" || $program == "$module"/cmd/* ]]; then PACKAGES+=("$program"); fi
  done
  [ "${#PACKAGES[@]}" -gt 0 ] || PACKAGES=("${all[@]}")
  [ "${#PACKAGES[@]}" -gt 0 ] || fail "The module $module has no program: no package main with a function main." \
    'Add a main.go to its root, or a folder with one below cmd/. To name other packages, set the variable GO_INSTALL_PACKAGE_SPEC.'
}

list_programs() { go list -e -find -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./...; }

# explain_go REASON: ends with what Go said.
explain_go() {
  sed 's/^/       /' "$SCRATCH/errors"
  fail "$1"
}
