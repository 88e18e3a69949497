# Installs gems with Bundler.

# The version of Bundler that wrote Gemfile.lock.
locked_bundler() { sed -n '/^BUNDLED WITH$/{n;s/^ *//p}' Gemfile.lock; }

install_gems() {
  local locked
  heading 'Installing dependencies'
  locked=$(locked_bundler)
  [ -z "$locked" ] || [ "$locked" = "$BUNDLER_VERSION" ] || say "Gemfile.lock was written by Bundler $locked, and is installed by Bundler $BUNDLER_VERSION"
  rm -rf .gems
  say 'bundle install'
  recorded "$SCRATCH/install.log" bundle install || explain_failure
  # what installs leave behind, with names of this build
  rm -rf .gems/ruby/*/cache
  find .gems -path '*/extensions/*' '(' -name gem_make.out -o -name mkmf.log ')' -delete
}

explain_failure() {
  if said 'Your Ruby version is'; then
    fail "Gemfile names another version of Ruby than that of this stack, $(ruby -e 'print RUBY_VERSION') (see above)." \
      'Change the version in Gemfile and run bundle lock, or choose another stack of this installation: slipway apps set APP --stack NAME'
  elif said 'is not a valid platform|There was an error parsing'; then
    fail "Gemfile cannot be read by Bundler $BUNDLER_VERSION of this stack (see above). Gemfile.lock was written by Bundler $(locked_bundler)." \
      'Correct Gemfile, or choose a stack of this installation with a newer Bundler: slipway apps set APP --stack NAME'
  elif said 'only supports platforms|--add-platform'; then
    fail 'Gemfile.lock was written for other platforms (see above).' 'Run: bundle lock --add-platform x86_64-linux, and add the changed Gemfile.lock to the source.'
  elif said 'trying to install in deployment mode after changing|the lockfile|gemspecs for path gems changed|frozen mode'; then
    fail 'Gemfile and Gemfile.lock do not agree (see above).' 'To fix it: run bundle lock, and add the changed Gemfile.lock to the source.'
  elif said 'Gem::Ext::BuildError|Failed to build gem native extension'; then
    fail 'A gem with an extension in C could not be compiled (see above).'
  elif said 'Bundler could not find compatible versions|requires (ruby|rubygems) version|incompatible with the current'; then
    fail "A gem does not fit Ruby $(ruby -e 'print RUBY_VERSION') or Bundler $BUNDLER_VERSION of this stack (see above)." 'Choose another version of the gem, or another stack of this installation.'
  elif said 'Could not reach host|Could not fetch specs|Network error|timed out|certificate|Could not resolve|getaddrinfo'; then
    fail 'The source of the gems could not be reached (see above).'
  elif said 'Could not find .* in (any of the sources|locally installed gems|rubygems|cached gems)|Authentication is required|Bad username'; then
    fail 'A gem of Gemfile.lock cannot be found, or needs a login (see above).'
  fi
  fail 'The gems of Gemfile.lock could not be installed (see above).'
}
