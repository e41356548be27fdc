"""A throw-away PostgreSQL server, which never outlives this process.

The supervisor that dbproof itself uses keeps it: the server lives for as long as the other end of the
supervisor's standard input is open, and the kernel closes that however this process ends.
"""

import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

SUPERVISOR = "crates/dbproof-postgres/src/ephemeral/supervisor.sh"
ROLE = "dbproof"
# The database from which this runner makes the others.
ADMINISTRATION = "postgres"
# How the names of dbproof's own databases begin, in which it runs transactions again to predict deadlocks.
SANDBOX = "dbproof_"
# No client sends this character, so that it marks where a message of the log begins.
MESSAGE_START = "\x1e"
STATEMENT = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*)", re.DOTALL)
READY_SECONDS = 60


class Statement(NamedTuple):
    """A statement that the server executed."""

    database: str
    text: str


class Server:
    """A running server: its address, its databases, and the statements that it has executed."""

    def __init__(self, root: Path, binaries: Path):
        self.binaries = binaries
        self.password = secrets.token_hex(16)
        self.port = free_port()
        self.changed = threading.Condition()
        self.messages: list[str] = []
        self.ended = False
        identity = unprivileged_identity()
        self.folder = working_folder(identity, self.password)
        user = {} if identity is None else {"user": identity[0], "group": identity[1], "extra_groups": []}
        self.supervisor = subprocess.Popen(
            ["/bin/sh", "-c", (root / SUPERVISOR).read_text(), "supervisor", binaries, self.folder, str(self.port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"},
            cwd="/",
            start_new_session=True,
            **user,
        )
        threading.Thread(target=self.follow_log, daemon=True).start()
        self.wait_for(lambda: any("ready to accept connections" in m for m in self.messages))
        for setting in ("log_statement = 'all'", f"log_line_prefix = '{MESSAGE_START}%d '"):
            self.sql(ADMINISTRATION, f"ALTER SYSTEM SET {setting}")
        self.sql(ADMINISTRATION, "SELECT pg_reload_conf()")
        self.settle()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.supervisor.stdin.close()
        self.supervisor.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        """How a client reaches a database, password included."""
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{self.port}/{database}"

    def environment(self, database: str) -> dict[str, str]:
        """What clients read instead of an URL."""
        return {
            "DATABASE_URL": self.url(database),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": ROLE,
            "PGPASSWORD": self.password,
            "PGDATABASE": database,
        }

    def sql(self, database: str, statement: str) -> str:
        """Executes a statement, and returns what psql prints."""
        return self.psql(database, "-c", statement)

    def script(self, database: str, file: Path) -> None:
        """Executes the statements of a file in one transaction."""
        self.psql(database, "-1", "-f", str(file))

    def psql(self, database: str, *arguments: str) -> str:
        """Runs psql as the server's own role."""
        done = subprocess.run(
            ["psql", "-qXAt", "-v", "ON_ERROR_STOP=1", *arguments],
            env={**os.environ, **self.environment(database), "PGOPTIONS": "-c client_min_messages=warning"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(f"psql failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def create(self, database: str, template: str = "template0") -> None:
        """Makes a database, anew where there is one of that name."""
        self.drop(database)
        self.sql(ADMINISTRATION, f'CREATE DATABASE "{database}" TEMPLATE "{template}"')

    def drop(self, database: str) -> None:
        """Drops a database, whoever is connected to it."""
        self.sql(ADMINISTRATION, f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def settle(self) -> int:
        """Waits until the log holds all that was executed so far; returns how many messages that is."""
        mark = f"mark {secrets.token_hex(8)}"
        self.sql(ADMINISTRATION, f"SELECT '{mark}'")
        return self.wait_for(lambda: next((n for n, m in enumerate(self.messages, 1) if mark in m), 0))

    def statements(self, since: int) -> list[Statement]:
        """What clients have executed after so many messages of the log; this runner's own and dbproof's left out."""
        end = self.settle()
        executed = []
        for message in self.messages[since:end]:
            database, _, rest = message.partition(" ")
            is_clients = database != ADMINISTRATION and not database.startswith(SANDBOX)
            if is_clients and (found := STATEMENT.match(rest)):
                executed.append(Statement(database, found[1].strip()))
        return executed

    def wait_for(self, condition):
        """Waits until the log makes the condition true, and returns its value."""
        with self.changed:
            value = self.changed.wait_for(lambda: condition() or self.ended, READY_SECONDS)
            if not value or self.ended:
                raise RuntimeError("the server does not answer; its last words:\n" + "\n".join(self.messages[-20:]))
            return value

    def follow_log(self) -> None:
        """Cuts the log into messages; their first lines have a mark once the settings are made."""
        for raw in self.supervisor.stdout:
            line = raw.decode(errors="replace").rstrip("\n")
            with self.changed:
                if self.messages and line.startswith("\t"):
                    self.messages[-1] += "\n" + line[1:]
                else:
                    self.messages.append(line.removeprefix(MESSAGE_START))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def unprivileged_identity() -> tuple[int, int] | None:
    """Whom to run the server as; `None` where this is not root, and so runs it itself."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise RuntimeError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def working_folder(identity: tuple[int, int] | None, password: str) -> Path:
    """A new folder with the password file, which the supervisor removes at its end."""
    folder = Path(tempfile.mkdtemp(prefix="dbproof-clients-", dir="/tmp"))
    file = folder / "password"
    file.touch(mode=0o600)
    file.write_text(password + "\n")
    if identity:
        for path in (file, folder):
            os.chown(path, *identity)
    return folder
