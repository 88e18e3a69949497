# Counts the files that containers have in addition to their image's. Prints "ID FILES" for each container that exists, with one
# more than its limit for any greater number, and "late" for files that cannot be counted in time or memory. Its last line is "done",
# after one look, or with "always" when none of the containers exists any more.
#
# Arguments: the engine's storage driver, the seconds that each count may take, "once" or "always", and for each container its id and
# its limit. /mounts has a folder for each container, which names its folders in /layers. With overlay2 that contains only what the
# container wrote; with btrfs also its image, so only what changed since the engine prepared the container counts.
set -u
driver=$1 seconds=$2 mode=$3
shift 3
[[ -r /mounts && -r /layers ]] || exit 1

# Sets `files`. Names count: further names of a file take space as well. `find` does not look at the files for that, except with
# btrfs. It is read no further than the limit, so a count takes bounded time.
count() {
  local folder=$1 prepared=$2 limit=$3 newer=() dots='' status finder
  if [[ $driver != btrfs ]]; then folder+=/diff
  elif [[ -e $prepared ]]; then newer=(-cnewer "$prepared")
  # Both are removed together.
  elif [[ -d $folder ]]; then exit 1
  fi
  exec 3< <(exec find "$folder" "${newer[@]}" -printf . 2>/dev/null)
  finder=$!
  IFS= read -r -t "$seconds" -N $((limit + 1)) dots <&3
  status=$?
  exec 3<&-
  files=${#dots}
  if ((status > 128 || files > limit)); then kill "$finder" 2>/dev/null; fi
  wait "$finder"
  case $? in
    126 | 127) exit 1 ;;
    # The OOM killer kills it when many folders with many files use up the memory.
    137) files=late ;;
  esac
  if ((status > 128)); then files=late; fi
}

look() {
  local id limit mount prepared
  while (($# > 0)); do
    id=$1 limit=$2 mount='' prepared=''
    shift 2
    # The files have no final newline, for which `read` fails.
    { read -r mount <"/mounts/$id/mount-id"; read -r prepared <"/mounts/$id/init-id"; } 2>/dev/null
    [[ -n $mount && -n $prepared && -d /layers/$mount ]] || continue
    count "/layers/$mount" "/layers/$prepared/.dockerenv" "$limit"
    [[ -d /layers/$mount ]] || continue
    found=1
    echo "$id $files"
  done
}

while :; do
  begun=$SECONDS found=
  look "$@"
  [[ $mode = always && -n $found ]] || break
  # Counting takes at most a quarter of the time.
  sleep $((1 + 3 * (SECONDS - begun)))
done
echo done
