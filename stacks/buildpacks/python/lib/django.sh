# Collects Django's static files, which the server of the release has in one folder.

collect_static() {
  local root
  case ${DISABLE_COLLECTSTATIC:-} in '' | 0) ;; *) return 0 ;; esac
  [ -f manage.py ] && python -c 'import django' 2>/dev/null || return 0
  heading 'Collecting static files'
  if ! python manage.py diffsettings >"$SCRATCH/settings" 2>"$SCRATCH/problem"; then
    sed 's/^/       /' "$SCRATCH/problem"
    fail 'The settings of Django cannot be loaded (see above).' 'Set the variables that they need, or DISABLE_COLLECTSTATIC to 1.'
  fi
  root=$(sed -n 's/^STATIC_ROOT = //p' "$SCRATCH/settings")
  if [ -z "$root" ] || ! grep -q "'django.contrib.staticfiles'" "$SCRATCH/settings"; then
    say 'There are none to collect: the settings have no STATIC_ROOT, or not the app django.contrib.staticfiles'
    return 0
  fi
  say 'python manage.py collectstatic --noinput'
  indented python manage.py collectstatic --noinput ||
    fail "Django's static files could not be collected (see above)." 'Fix this, or set DISABLE_COLLECTSTATIC to 1.'
}
