"""Runs one application, directly or under `dbproof watch`, on a database of its own."""

import json
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .catalogue import Client
from .server import Server, Statement

SHOP = "shop"
SECONDS = 300


@dataclass
class Outcome:
    """What a run printed and sent."""

    code: int
    output: str
    errors: str
    statements: list[Statement]
    record: dict | None = None


class Bench:
    """Runs applications on clones of the shop's database."""

    def __init__(self, root: Path, server: Server, dbproof: Path | None):
        self.root = root
        self.server = server
        self.dbproof = dbproof
        server.create(SHOP)
        server.script(SHOP, root / "tests/clients/schema.sql")

    def run(self, client: Client, words: list[str], setup: list[str], watched: bool) -> Outcome:
        """Runs a command on a fresh clone; what else of the server's databases it makes is dropped too."""
        database = "shop_" + client.name.replace("-", "_")
        self.server.create(database, SHOP)
        environment = {**os.environ, **self.server.environment(database), **client.environment, "NO_COLOR": "1"}
        # Whoever runs the clients may be set up for a server of their own.
        for name in ("PGSERVICE", "PGHOSTADDR", "PGSSLMODE", "PGOPTIONS", "PGPASSFILE"):
            environment.pop(name, None)
        try:
            if setup:
                done = execute(setup, environment, client.folder)
                if done[0]:
                    raise RuntimeError(f"{' '.join(setup)}: {done[2].strip()}")
            since = self.server.settle()
            if not watched:
                return Outcome(*execute(words, environment, client.folder), self.server.statements(since))
            return self.watch(words, environment, client.folder, database, since)
        finally:
            for name in self.server.sql("postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate").split():
                if name not in ("postgres", SHOP):
                    self.server.drop(name)

    def watch(self, words: list[str], environment: dict, folder: Path, database: str, since: int) -> Outcome:
        """The same under `dbproof watch`, which alone knows the server."""
        with tempfile.TemporaryDirectory(prefix="dbproof-clients-") as temporary:
            file = Path(temporary) / "record.json"
            # The password goes by the environment: arguments can be read by others.
            watch = [str(self.dbproof), "watch", "--format", f"json={file}", "--output", temporary, "--", *words]
            code, output, errors = execute(watch, environment, folder)
            statements = self.server.statements(since)
            record = json.loads(file.read_text()) if file.exists() else None
        return Outcome(code, output, errors, statements, record)


def execute(words: list[str], environment: dict, folder: Path) -> tuple[int, str, str]:
    """Runs a command in a process group of its own, which ends with it or after SECONDS."""
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=SECONDS)
        return process.returncode, output, errors
    except subprocess.TimeoutExpired:
        return 124, "", f"did not end within {SECONDS} s"
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
