# Installs packages with Composer.

# Compares the version of PHP and its extensions with what the app and its packages need, before anything is downloaded.
check_requirements() {
  composer check-platform-reqs --lock --no-dev --no-plugins --no-scripts --format=json >"$SCRATCH/requirements" 2>"$SCRATCH/problem" && return 0
  if ! jq -e 'type == "array"' "$SCRATCH/requirements" >/dev/null 2>&1; then
    sed 's/^/       /' "$SCRATCH/problem"
    fail 'composer.lock cannot be read by Composer (see above).' 'Run: composer update --lock, and add composer.lock to the source.'
  fi
  local missing
  mapfile -t missing < <(jq -r '.[] | select(.status != "success") | "  \(.name) " +
    (.failed_requirement | if . == null then "" else "\(.constraint), which \(.source | if . == "__root__" then "composer.json" else . end) requires" end) +
    (if .status == "failed" then ": this is \(.version)" else ": not available" end)' "$SCRATCH/requirements")
  fail 'The app needs what the PHP of this stack does not have:' "${missing[@]}" \
    "PHP is $(php -r 'echo PHP_VERSION;'), with the extensions $(php -m | grep -E '^[A-Za-z_]+$' | sort -fu | paste -sd ' ' -)." \
    'Change what composer.json requires and run composer update, or choose another stack of this installation: slipway apps set APP --stack NAME'
}

# install_packages OPTION...
install_packages() {
  local options=(--no-dev --prefer-dist --optimize-autoloader --no-interaction --no-progress "$@")
  heading 'Installing dependencies'
  say "composer install ${options[*]}"
  recorded "$SCRATCH/install.log" composer install "${options[@]}" || explain_failure
}

explain_failure() {
  if said 'is not present in the lock file|lock file is not up to date'; then
    fail 'composer.json and composer.lock do not agree (see above).' 'To fix it: run composer update, and add the changed composer.lock to the source.'
  elif said 'checksum verification of the file failed'; then
    fail 'A package does not have the checksum of composer.lock (see above).' 'If the package was published again, lock its new checksum.'
  elif said 'HTTP/[0-9.]+ 40[134]|Invalid credentials|could not be downloaded.*40[134]|Could not authenticate'; then
    fail 'A package cannot be downloaded, because it does not exist or needs a login (see above).' 'Logins for private packages belong to the variable COMPOSER_AUTH.'
  elif said 'Could not resolve host|Failed to connect|Connection refused|timed out|SSL certificate problem|curl error'; then
    fail 'The packages of composer.lock could not be downloaded, because a host was not reached (see above).'
  elif said 'Script .* returned with error code'; then
    script_failed 'A script of composer.json failed (see above).'
  fi
  fail 'The packages of composer.lock could not be installed (see above).'
}

# script_failed MESSAGE: the environment dev of Symfony needs packages that are not installed.
script_failed() {
  if [ "${APP_ENV:-}" != prod ] && grep -q '"symfony/framework-bundle"' composer.lock; then
    fail "$1" 'For Symfony set the variable APP_ENV to prod.'
  fi
  fail "$1"
}

# run_scripts NAME...: those of composer.json that exist.
run_scripts() {
  local name
  for name; do
    jq -e --arg name "$name" '.scripts[$name]' composer.json >/dev/null || continue
    heading "Running $name of composer.json"
    indented composer run-script --no-dev --no-interaction "$name" || script_failed "The script $name of composer.json failed (see above)."
  done
}
