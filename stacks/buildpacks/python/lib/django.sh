# Collects Django's static files, which the server of the release has in one folder.

collect_static() {
  local code=0
  case ${DISABLE_COLLECTSTATIC:-} in '' | 0) ;; *) return 0 ;; esac
  [ -f manage.py ] && compgen -G "$ENVIRONMENT/lib/python*/site-packages/django/core" >/dev/null || return 0
  heading 'Collecting static files'
  say 'python manage.py collectstatic --noinput'
  indented python "$PACK/lib/collect_static.py" || code=$?
  case $code in
    0) ;;
    93) say 'There are none to collect: the settings have no STATIC_ROOT, or not the app django.contrib.staticfiles' ;;
    94) fail 'The settings of Django cannot be loaded (see above).' 'Set the variables that they need, or DISABLE_COLLECTSTATIC to 1.' ;;
    *) fail "Django's static files could not be collected (see above)." 'Fix this, or set DISABLE_COLLECTSTATIC to 1.' ;;
  esac
}
