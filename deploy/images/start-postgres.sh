#!/bin/sh
# Starts the embedded Postgres, which listens only on its unix socket. The first start makes the data folder; if that is
# interrupted, the next start makes it anew.
set -eu
data=/data/18
socket=/run/platform/postgres
password=${POSTGRES_PASSWORD_FILE:-/run/secrets/platform/postgres_password}

umask 077
if [ ! -s "$data/PG_VERSION" ]; then
  rm -rf "$data.new"
  initdb --pgdata "$data.new" --username platform --pwfile "$password" --auth scram-sha-256 \
    --encoding UTF8 --locale C --locale-provider builtin --builtin-locale C.UTF-8
  echo 'create database platform' | postgres --single -D "$data.new" postgres
  mv "$data.new" "$data"
fi
# The pid file of a former container names a process that does not exist in this container.
rm -f "$data/postmaster.pid"
exec postgres -D "$data" -k "$socket" -c listen_addresses= -c unix_socket_permissions=0777 \
  -c max_connections=200 -c shared_buffers=64MB -c password_encryption=scram-sha-256 -c log_min_duration_statement=1000
