# The index that packages come from: the app's own settings, else the operator's.

PUBLIC_INDEX=https://pypi.org/simple

# uv reads its own variables. Those of pip are as common.
configure_index() {
  local operator=${SLIPWAY_PYTHON_INDEX%/}
  if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
    if [ -n "${PIP_INDEX_URL:-}" ]; then
      export UV_DEFAULT_INDEX=$PIP_INDEX_URL
    elif [ -n "$operator" ] && [ "$operator" != "$PUBLIC_INDEX" ]; then
      export UV_DEFAULT_INDEX=$operator
    fi
  fi
  if [ -z "${UV_INDEX:-}${UV_EXTRA_INDEX_URL:-}" ] && [ -n "${PIP_EXTRA_INDEX_URL:-}" ]; then export UV_INDEX=$PIP_EXTRA_INDEX_URL; fi
}

# Whether the index is another one than that of lock files.
replaces_index() { [ -n "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; }
