# The app's cache, in which each package manager has a folder, named like its command.

CACHE_MAX_MB=500

# restore_cache MANAGER: says whether an earlier build left a cache of the package manager.
restore_cache() {
  heading 'Restoring cache'
  if [ -n "$(ls -A "$CACHE/$1" 2>/dev/null)" ]; then say "Restored the cache of $1"; else say 'No cache to restore'; fi
}

# save_cache MANAGER: a cache never shrinks by itself, so one that is too large is deleted.
save_cache() {
  heading 'Saving cache'
  drop_other_caches "$1"
  mkdir -p "$CACHE/$1"
  if [ "$(du -sm "$CACHE/$1" | cut -f 1)" -gt "$CACHE_MAX_MB" ]; then
    rm -rf "${CACHE:?}/$1"
    say "The cache of $1 was larger than $CACHE_MAX_MB MB: the next build starts a new one"
  fi
  say "$(du -sm "$CACHE" | cut -f 1) MB kept for the next build"
}

# drop_other_caches MANAGER: deletes those of package managers that the app no longer uses. An app whose assets Node.js builds has two.
drop_other_caches() {
  [ -n "${SLIPWAY_ASSETS:-}" ] || find "$CACHE" -mindepth 1 -maxdepth 1 ! -name "$1" -exec rm -rf {} +
}
