#!/bin/sh
# Runs inside the container: PostgreSQL with the DocumentDB extension on loopback, and FerretDB before it on port 27017.
set -eu

bin=/usr/lib/postgresql/18/bin
data=/var/lib/postgresql/data
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; }

if [ ! -f "$data/ready" ]; then
  rm -rf "$data"
  install -d -o postgres -g postgres -m 700 "$data" /run/postgresql
  as_postgres "$bin/initdb" --auth=trust --no-sync --pgdata="$data" >/dev/null
  # the extension connects to its own server, by TCP
  cat >>"$data/postgresql.conf" <<'END'
listen_addresses = '127.0.0.1'
shared_preload_libraries = 'pg_cron,pg_documentdb_core,pg_documentdb'
cron.database_name = 'postgres'
# tests make conflicts on purpose, and do not cut the power
deadlock_timeout = '20ms'
fsync = off
END
fi
install -d -o postgres -g postgres /run/postgresql /var/lib/ferretdb
# a container that was killed leaves it
rm -f "$data/postmaster.pid"
as_postgres "$bin/pg_ctl" --pgdata="$data" --wait --log="$data/log" start >/dev/null || { cat "$data/log"; exit 1; }
if [ ! -f "$data/ready" ]; then
  as_postgres psql -q -c 'CREATE EXTENSION documentdb CASCADE' postgres 2>/dev/null
  touch "$data/ready"
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups -- /usr/local/bin/ferretdb
