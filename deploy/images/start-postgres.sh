#!/bin/sh
# Starts the embedded Postgres on its unix socket alone; makes its data folder at the first start, all or nothing.
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
# A pid file of a former container names a process of another world.
rm -f "$data/postmaster.pid"
exec postgres -D "$data" -k "$socket" -c listen_addresses= -c unix_socket_permissions=0777 \
  -c max_connections=200 -c shared_buffers=64MB -c password_encryption=scram-sha-256 -c log_min_duration_statement=1000
