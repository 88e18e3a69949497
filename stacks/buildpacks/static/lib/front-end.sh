# The output of a front end's build: finds the folder to serve, and removes everything else from the release.

# The folders that tools build into, the first that fits is served. A * stands for the name of a project.
OUTPUTS=(dist build out public .output/public www _site storybook-static docs/.vitepress/dist .vitepress/dist
  docs/.vuepress/dist .vuepress/dist src/.vuepress/dist build/client 'dist/*/browser' 'dist/*')

# Whether the folder has an index.html and a file that was written since the build began. Unlike the time of its content, the time of a
# file's status is never from an archive.
is_output() {
  [ -f "$1/index.html" ] && [[ $1 =~ ^[A-Za-z0-9._/-]+$ ]] &&
    [ -n "$(find "$1/" -type f -newercm "$SLIPWAY_FRONT_END" -print -quit)" ]
}

# One line for each folder that fits; one below another is a part of it.
outputs() {
  local pattern folder real seen=()
  cd "$BUILD"
  for pattern in "${OUTPUTS[@]}"; do
    for folder in $pattern; do
      is_output "$folder" || continue
      real=$(realpath -- "$folder")/
      is_below "$real" "${seen[@]}" && continue
      seen+=("$real")
      printf '%s\n' "$folder"
    done
  done
}

# is_below PATH FOLDER...: whether it is one of the folders or below one.
is_below() {
  local path=$1 folder
  shift
  for folder in "$@"; do [[ $path != "$folder"* ]] || return 0; done
  return 1
}

# Sets ROOT to the "root" of static.json, or to the folder that the build wrote.
choose_output() {
  local found
  ROOT=$(setting .root '')
  [ -z "$ROOT" ] || return 0
  mapfile -t found < <(outputs)
  [ "${#found[@]}" -gt 0 ] || fail 'The build has written no folder with an index.html to serve. It may have these names:' \
    "  ${OUTPUTS[*]}" \
    'If the files to serve are in another folder: add a static.json with {"root": "FOLDER"} to the source.' \
    'If the app has a server: add a "start" script to package.json, or a Procfile with a line "web: COMMAND".'
  ROOT=${found[0]}
  [ "${#found[@]}" = 1 ] || say "Serving $ROOT, and not ${found[*]:1}; the \"root\" of static.json selects another"
}

name_unused_start() {
  local start
  start=$(jq -r '.scripts.start? // "" | strings' "$BUILD/package.json")
  [ -z "$start" ] || say "The start script is not used: ${start:0:80}"
}

# keep_only FOLDER: the folder stays where it is, and so do the files that later steps read. Dependencies that are part of the build's image
# are not part of the release.
keep_only() {
  local kept=$BUILD/.slipway/site
  rm -rf "$BUILD/.slipway"
  [ "$DEPENDENCIES" = installed ] || rm -rf "$BUILD/node_modules"
  [ "$(realpath "$BUILD/$1")" != "$(realpath "$BUILD")" ] || return 0
  mkdir "$BUILD/.slipway"
  mv -T "$(realpath "$BUILD/$1")" "$kept"
  find "$BUILD" -mindepth 1 -maxdepth 1 ! -name .slipway ! -name node_modules ! -name static.json ! -name Procfile ! -name .slugignore -exec rm -rf {} +
  mkdir -p "$BUILD/$(dirname "$1")"
  mv -T "$kept" "$BUILD/${1%/}"
}
