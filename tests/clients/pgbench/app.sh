#!/bin/sh
# app.sh MODE eager SCRIPT: a script of pgbench's own, by two clients. Times are left out of what it
# prints, so that every run prints the same.
set -eu
printed=$(pgbench --no-vacuum --client=2 --transactions=50 --random-seed=1 --protocol="$1" --builtin="$3")
printf '%s\n' "$printed" | sed '/latency\|tps\|connection time/d'
