#!/bin/sh
# app.sh MODE eager SCRIPT: a script of pgbench's own, by two clients.
set -eu
exec pgbench --no-vacuum --client=2 --transactions=50 --random-seed=1 --protocol="$1" --builtin="$3"
