# How the buildpack speaks: a heading, lines below it, warnings, and the end with the reason.

heading() { printf -- '-----> %s\n' "$*"; }
say() { printf '       %s\n' "$*"; }
warn() { printf ' !     %s\n' "$@"; }

# The app may do without the assets, if its language is another one.
fail() {
  warn "$@"
  [ -z "${SLIPWAY_ASSETS:-}" ] || warn 'The language of this app is not Node.js: DISABLE_NODE_ASSETS=1 leaves Node.js out of its build.'
  exit 1
}

# indented COMMAND...: its output, line by line as it comes, below the heading; its exit code is kept.
indented() { recorded /dev/null "$@"; }

# recorded FILE COMMAND...: as indented, and the lines are in the file as well. Lines that HIDDEN, commands of sed, deletes are in the
# file only. It ends when the command does: what the command
# started and left behind may hold the pipe open for hours. So a last line of ours marks where the command's output ends.
recorded() {
  local file=$1 end="end of output $RANDOM$RANDOM$RANDOM" pipe=$SCRATCH/output both in out reader code=0
  shift
  mkfifo "$pipe"
  exec {both}<>"$pipe" {in}<"$pipe" {out}>"$pipe" {both}>&-
  rm "$pipe"
  sed -un "/$end\$/{s///;/^\$/!{s/^/       /;p};q};s/^/       /;p" <&"$in" {out}>&- | tee "$file" {in}<&- {out}>&- | sed -u "${HIDDEN:-}" {in}<&- {out}>&- &
  reader=$!
  (exec "$@" >&"$out" 2>&1 {in}<&- {out}>&-) || code=$?
  printf '%s\n' "$end" >&"$out"
  wait "$reader" || warn 'The output above may not be whole.'
  # What such a process goes on to write is shown while the build lasts.
  sed -u 's/^/       /' <&"$in" {in}<&- {out}>&- &
  exec {in}<&- {out}>&-
  return "$code"
}
