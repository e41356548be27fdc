# Keeps a throw-away PostgreSQL server for as long as dbproof holds the other end of standard
# input. The kernel closes that end however dbproof ends, kill -9 included; then the server is
# stopped and its folder removed.
#
# $1 folder of the binaries   $2 folder to work in (removed at the end)   $3 TCP port
# What follows are further arguments of the server.
# Standard output carries the server's log to dbproof; its end means that the server is gone.
set -u
binaries=$1
folder=$2
port=$3
shift 3
umask 077
trap : HUP INT TERM PIPE
cd "$folder" || exit 1

if "$binaries/initdb" -D "$folder/data" -U dbproof --pwfile="$folder/password" --no-sync \
    --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C 2>&1; then
    rm -f "$folder/password"
    # autovacuum is off, because dbproof vacuums and analyses at known moments, and a worker that
    # wakes up in between would change plans and timings. Durability is left at the defaults.
    "$binaries/postgres" -D "$folder/data" -p "$port" -k "$folder" \
        -c listen_addresses=127.0.0.1 -c autovacuum=off -c cluster_name=dbproof "$@" 2>&1 &
    server=$!
    # From here on only the server holds the log's writing end.
    exec >/dev/null 2>&1
    cat
    # QUIT stops it at once. While it starts it may not listen to that yet, and the shell has it begin
    # with QUIT ignored; TERM ends it then.
    kill -TERM "$server"
    kill -QUIT "$server"
    wait "$server"
fi
cd /
rm -rf "$folder"
