# The app's cache, in which each package manager has a folder.

# drop_other_caches NAME: an app that changed its package manager has no use for the cache of the former one. One whose assets Node.js
# builds has two.
drop_other_caches() {
  [ -n "${SLIPWAY_ASSETS:-}" ] || find "$CACHE" -mindepth 1 -maxdepth 1 ! -name "$1" -exec rm -rf {} +
}
