# Compiles the assets of a Rails app, which the release has as files.

compile_assets() {
  grep -qE '^    railties \(' Gemfile.lock && [ -f Rakefile ] || return 0
  case ${DISABLE_ASSETS:-} in '' | 0) ;; *) return 0 ;; esac
  if compgen -G 'public/assets/.sprockets-manifest-*.json' >/dev/null || [ -f public/assets/.manifest.json ]; then
    say 'The assets are part of the source: they are not compiled'
    return 0
  fi
  bundle exec rake --all --prereqs >"$SCRATCH/tasks" 2>"$SCRATCH/problem" || {
    sed 's/^/       /' "$SCRATCH/problem"
    fail 'The tasks of the Rakefile cannot be listed (see above).' 'Set the variables that they need, or DISABLE_ASSETS to 1.'
  }
  grep -q '^rake assets:precompile$' "$SCRATCH/tasks" || return 0
  heading 'Compiling assets'
  say 'rake assets:precompile'
  # Rails does not start without the secret, which no asset needs.
  SECRET_KEY_BASE=${SECRET_KEY_BASE:-unused} SECRET_KEY_BASE_DUMMY=1 indented bundle exec rake assets:precompile ||
    fail 'The assets could not be compiled (see above).' 'Fix this, or set DISABLE_ASSETS to 1.'
}
