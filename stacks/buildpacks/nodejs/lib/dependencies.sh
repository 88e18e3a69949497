# Installs dependencies with the app's package manager, runs the app's scripts, and removes what only the build needed.
#
# lib/managers/NAME.sh has the functions of one package manager: manager_settings, manager_install and manager_prune, and
# explain_install, which fails with a reason if it knows one. If it blocks scripts, blocked_scripts prints their packages, and
# ALLOW_SCRIPTS says how an app allows them; %s stands for the packages. Its settings give RUN, the command that runs a script.
# INCLUDE is `production` or `all`.

# The worker chooses the build image by package.json, so only a package.json behind a link gets here without Node.js.
require_node() {
  command -v node >/dev/null || fail 'Node.js is not part of this build, because package.json is not a regular file of the source.' \
    'Replace links to it, and links in PROJECT_DIR, by files and folders.'
}

# Native add-ons compile with the headers of the build image. npm 11 renamed the setting, and complains of the old one.
use_headers() {
  local home
  home=$(dirname "$NODE_BIN")
  [ -d "$home/include" ] || return 0
  if [ "$MANAGER" != npm ] || [ "$(npm_major)" -lt 11 ]; then export npm_config_nodedir=$home; fi
  export npm_package_config_node_gyp_nodedir=$home
}

# npm itself takes a fifth of a second to say it.
npm_major() { jq -r '.version | split(".")[0]' "$(dirname "$(realpath "$NODE_BIN/npm")")/../package.json"; }

# choose_dependencies production|all: NPM_CONFIG_PRODUCTION and NODE_ENV of the app have the last word. Sets INCLUDE, and PRUNE:
# whether devDependencies are removed after the build.
choose_dependencies() {
  INCLUDE=$1 PRUNE=no
  export NODE_ENV=${NODE_ENV:-production}
  if [ "${NPM_CONFIG_PRODUCTION:-}" = true ]; then
    INCLUDE=production
  elif [ "${NPM_CONFIG_PRODUCTION:-}" = false ] || [ "$NODE_ENV" != production ]; then
    INCLUDE=all
  elif [ "$INCLUDE" = all ]; then
    PRUNE=yes
  fi
  unset NPM_CONFIG_PRODUCTION # an old name: npm would only complain of it
}

# devDependencies are needed by scripts that run here.
wanted_dependencies() {
  local script
  # The other workspaces may have to be built, and so may the assets of another language.
  if [ -n "$WORKSPACE${SLIPWAY_ASSETS:-}" ]; then echo all && return; fi
  for script in heroku-prebuild preinstall install postinstall prepare build heroku-postbuild; do
    if has_script "$script"; then echo all && return; fi
  done
  echo production
}

# prepare_manager production|all
prepare_manager() {
  choose_dependencies "$1"
  use_headers
  manager_settings
  cd "$BUILD"
}

# install_dependencies production|all
install_dependencies() {
  heading 'Installing dependencies'
  prepare_manager "$1"
  # npm runs scripts before there are dependencies, and yarn does not.
  run_script heroku-prebuild npm run
  local code=0
  manager_install || code=$?
  report_blocked_scripts
  [ "$code" = 0 ] || explain_failure
}

blocked_scripts() { :; }

# Advice on packages whose install scripts the package manager did not run. Without them some do not work, others do.
report_blocked_scripts() {
  local packages names
  mapfile -t packages < <(blocked_scripts | sort -u)
  [ "${#packages[@]}" -gt 0 ] || return 0
  names=$(printf '%s\n' "${packages[@]%@*}" | sort -u | paste -sd ' ' -)
  warn "$MANAGER did not run the install scripts of these packages, because the app does not allow them: $(first_of 10 "${packages[@]}")." \
    "If the app needs them: ${ALLOW_SCRIPTS//%s/$names}"
}

# first_of COUNT ITEM...: a list for a sentence.
first_of() {
  local count=$1 list
  shift
  list=$(printf '%s, ' "${@:1:count}")
  if [ "$#" -gt "$count" ]; then echo "$list$(($# - count)) more"; else echo "${list%, }"; fi
}

# installing COMMAND...: a command of the package manager, with its output in the log of the install.
installing() {
  local shown=("$@")
  shown[0]=${shown[0]##*/}
  say "${shown[*]}, NODE_ENV=$NODE_ENV"
  recorded "$SCRATCH/install.log" "$@"
}

explain_failure() {
  explain_install
  if said 'E404|ETARGET|ERR_PNPM_FETCH_404|NO_MATCHING_VERSION|YN0035|status code 404|find (any versions|package)|- 404$'; then
    fail 'A dependency, or its version, is not in the npm registry (see above).'
  elif said 'ENOTFOUND|ECONN|ETIMEDOUT|EAI_AGAIN|ERR_SOCKET|UNABLE_TO|SELF_SIGNED|META_FETCH_FAIL|ConnectionRefused|client error \(Connect\)|YN0001: .*RequestError'; then
    fail 'The npm registry could not be reached (see above).'
  fi
  fail 'The dependencies could not be installed (see above).'
}

# out_of_date LOCK_FILE COMMAND: the manifest asks for something else than the lock file has.
out_of_date() {
  fail "package.json and $1 do not agree (see above)." "To fix it: run $2 and add the changed $1 to the source."
}

# run_script NAME COMMAND...: runs the script with the command, if package.json has it.
run_script() {
  local script=$1
  shift
  has_script "$script" || return 0
  heading "Running the script $script"
  cd "$APP"
  indented "$@" "$script" || fail "The script $script of package.json failed (see above)."
  cd "$BUILD"
}

run_build_scripts() {
  if has_script heroku-postbuild; then
    run_script heroku-postbuild "${RUN[@]}"
  else
    build_workspaces
    if is_built_by_rake; then
      say 'rake assets:precompile runs the script build, because jsbundling-rails is among the gems'
      return
    fi
    run_script build "${RUN[@]}"
  fi
}

prune_dependencies() {
  [ "$PRUNE" = yes ] && [ -d "$BUILD/node_modules" ] || return 0
  heading 'Pruning devDependencies'
  manager_prune || fail "$MANAGER could not remove the devDependencies (see above)."
}

# Caches, and what pnpm notes about its installs, with their times.
remove_build_only_files() {
  rm -rf "$BUILD"/node_modules/.{cache,vite,vite-temp,modules.yaml,pnpm-workspace-state*.json}
  remove_caches_of_workspaces
  # pnpm notes there which folders use its store, with links to them. A cache has no links to other folders.
  rm -rf "$CACHE"/pnpm/v*/projects
  [ "$MANAGER" != yarn ] || rm -rf "$BUILD"/.yarn/{cache,unplugged}
}

# Without dependencies of its own a workspace has node_modules for the caches only.
remove_caches_of_workspaces() {
  [ -n "$WORKSPACE" ] || return 0
  find "$BUILD" -name node_modules -prune -print0 >"$SCRATCH/modules"
  xargs -0r -I{} rm -rf {}/.cache {}/.vite {}/.vite-temp <"$SCRATCH/modules"
  xargs -0r rmdir --ignore-fail-on-non-empty <"$SCRATCH/modules"
}
