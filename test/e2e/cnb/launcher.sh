#!/bin/bash
# Stands in for the lifecycle's launcher: it starts a process type, or a command in a shell, with the environment of the layers.
set -e
export FROM_LAYER=$(cat "$CNB_LAYERS_DIR/process/greeting")
cd "$CNB_APP_DIR"
case $(basename "$0") in
  web) exec perl serve.pl "of the stand-in, $FROM_LAYER, $(id -u)" ;;
  *) [ $# = 1 ] && exec bash -c "$1" ;;
esac
echo "ERROR: the launcher got $# arguments" >&2
exit 82
