# What the bundled buildpacks print: headings, lines below them, warnings, the output of commands, and the reason of a failure.

heading() { printf -- '-----> %s\n' "$*"; }
say() { printf '       %s\n' "$*"; }
warn() { printf ' !     %s\n' "$@"; }

fail() {
  warn "$@"
  advise
  exit 1
}

# Printed after the reason of a failure: a buildpack defines its own.
advise() { :; }

# indented COMMAND...: its output, line by line as it comes, below the heading; its exit code is kept.
indented() { recorded /dev/null "$@"; }

# said PATTERN: whether a line of the log of the install matches this extended regular expression.
said() { grep -qE "$1" "$SCRATCH/install.log"; }

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
