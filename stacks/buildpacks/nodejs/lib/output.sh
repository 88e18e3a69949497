# How the buildpack speaks: a heading, lines below it, warnings, and the end with the reason.

heading() { printf -- '-----> %s\n' "$*"; }
say() { printf '       %s\n' "$*"; }
warn() { printf ' !     %s\n' "$@"; }

fail() {
  warn "$@"
  exit 1
}

# indented COMMAND...: its output, line by line as it comes, below the heading; its exit code is kept (pipefail).
indented() { "$@" 2>&1 | sed -u 's/^/       /'; }
