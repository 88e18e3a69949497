# Runs `manage.py collectstatic` in the one process that loads the app, since its start takes longer than the collection. Exit codes: 93 if
# the settings have nothing to collect, 94 if they cannot be loaded, and that of Django's command.
import os
import runpy
import sys
import traceback

from django.core import management

run_command = management.execute_from_command_line


def collect(argv=None):
    try:
        from django.conf import settings

        has_files = settings.STATIC_ROOT and "django.contrib.staticfiles" in settings.INSTALLED_APPS
    except BaseException:
        traceback.print_exc()
        sys.exit(94)
    if not has_files:
        sys.exit(93)
    run_command(argv)


management.execute_from_command_line = collect
sys.path[0] = os.getcwd()
sys.argv = ["manage.py", "collectstatic", "--noinput"]
runpy.run_path(os.path.abspath("manage.py"), run_name="__main__")
