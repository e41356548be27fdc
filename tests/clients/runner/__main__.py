"""Runs the clients named on the command line, or all of them, and closes with `N passed, N failed`."""

import argparse
import json
import signal
import sys
from pathlib import Path

from . import catalogue, judge
from .catalogue import Client
from .install import Installer, Missing
from .run import Bench, Outcome
from .server import Server


def main() -> int:
    options = arguments()
    root = Path(__file__).resolve().parents[3]
    for terminating in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(terminating, lambda number, _: sys.exit(128 + number))
    try:
        clients = catalogue.select(catalogue.read(root / "tests/clients"), options.clients)
    except catalogue.CatalogueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.list:
        print(*(client.name for client in clients), sep="\n")
        return 0
    report = Report()
    with Server(root, options.postgres) as server:
        bench = Bench(root, server, None if options.apps_only else options.dbproof.resolve())
        installer = Installer(root)
        for client in clients:
            try:
                placeholders = {"folder": str(client.folder), **installer.placeholders(client.needs)}
            except Missing as missing:
                report.not_checked(client, str(missing), named=bool(options.clients))
                continue
            check(client, placeholders, bench, report)
    return report.close()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/test-clients", description=__doc__)
    parser.add_argument("clients", nargs="*", metavar="CLIENT", help="a client's name or its folder's; default: all")
    parser.add_argument("--apps-only", action="store_true", help="run the applications alone, without dbproof")
    parser.add_argument("--list", action="store_true", help="print the names of the clients")
    parser.add_argument("--postgres", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--dbproof", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


class Report:
    """Prints one line for an application and version, and counts them."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def line(self, name: str, version: str, seen: str, complaints: list[str]) -> None:
        if complaints:
            self.failed += 1
        else:
            self.passed += 1
        print(f"{'FAIL' if complaints else 'ok  '} {name:<22} {version:<7} {seen}", flush=True)
        for complaint in complaints:
            print(f"       {complaint}", flush=True)

    def not_checked(self, client: Client, reason: str, named: bool) -> None:
        """A client that cannot be checked here fails, unless it is an optional one that nobody named."""
        skip = client.optional and not named
        self.skipped += skip
        self.failed += not skip
        print(f"{'skip' if skip else 'FAIL'} {client.name:<22} not checked: {reason}", flush=True)

    def close(self) -> int:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"{self.passed} passed, {self.failed} failed{skipped}")
        return 1 if self.failed or not self.passed else 0


def check(client: Client, placeholders: dict[str, str], bench: Bench, report: Report) -> None:
    """Runs a client in every version and reports each."""
    command, setup = ([word.format(**placeholders) for word in words] for words in (client.command, client.setup))
    if client.planted is not None:
        check_suite(client, command, setup, bench, report)
        return
    outputs: dict[str, str] = {}
    for version in client.versions:
        complaints, seen = [], []
        for page in client.pages:
            words = [*command, version, page.name]
            direct = bench.run(client, words, setup, watched=False)
            if direct.code:
                wrong = [f"exit code {direct.code}: {excerpt(direct.errors)}"]
            elif not direct.output.strip():
                wrong = ["it prints nothing"]
            elif outputs.setdefault(page.name, direct.output) != direct.output:
                wrong = ["the looped and the eager version print different pages"]
            else:
                wrong = judge.log_complaints(page.looped, direct.statements, version == "looped")
            if not wrong and bench.dbproof:
                wrong = watched_complaints(client, words, setup, bench, page, version, direct)
            complaints.extend(f"{page.name}: {text}" for text in wrong)
            seen.append(f"{page.name} ({len(direct.statements)})")
        report.line(client.name, version, " ".join(seen), complaints)


def excerpt(text: str) -> str:
    """The first and the last lines of what a program printed."""
    lines = text.strip().splitlines()
    return "\n       ".join(lines if len(lines) <= 16 else [*lines[:4], "…", *lines[-12:]])


def watched_complaints(client, words, setup, bench, page, version, direct) -> list[str]:
    """The complaints about the same run under `dbproof watch`."""
    looped = version == "looped"
    watched = bench.run(client, words, setup, watched=True)
    wrong = judge.record_complaints(page.looped if looped else (), watched.record, watched.code)
    wrong += judge.prediction_complaints((), watched.record)
    wrong += judge.log_complaints(page.looped, watched.statements, looped)
    if direct.output not in watched.output:
        wrong.append("the application does not print the same under watch")
    return wrong and wrong + evidence(bench, watched, f"{client.name}-{version}-{page.name}")


def evidence(bench: Bench, watched: Outcome, name: str) -> list[str]:
    """What a run that was judged wrong has left: its messages, and its record in a file."""
    left = []
    if watched.errors.strip():
        left.append(f"watch said: {excerpt(watched.errors)}")
    if watched.record:
        file = bench.root / "target/clients/records" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(watched.record, indent=2))
        left.append(f"its record: {file.relative_to(bench.root)}")
    return left


def check_suite(client: Client, command: list[str], setup: list[str], bench: Bench, report: Report) -> None:
    """Runs a project's test suite, and finds what is planted in it and nothing else."""
    direct = bench.run(client, command, setup, watched=False)
    wrong = []
    if direct.code:
        wrong.append(f"exit code {direct.code}: {excerpt(direct.output + direct.errors)}")
    else:
        texts = [judge.normal(statement.text) for statement in direct.statements]
        for group in client.planted:
            count = sum(1 for text in texts if group.child.search(text))
            if count < group.executions:
                wrong.append(f"the server's log has {group.child.pattern!r} {count} times, not {group.executions}")
        for pattern in (pattern for deadlock in client.deadlocks for pattern in deadlock.statements):
            if sum(1 for text in texts if pattern.search(text)) < 2:
                wrong.append(f"the server's log does not have {pattern.pattern!r} twice")
    if not wrong and bench.dbproof:
        watched = bench.run(client, command, setup, watched=True)
        wrong = judge.record_complaints(client.planted, watched.record, watched.code)
        wrong += judge.prediction_complaints(client.deadlocks, watched.record)
        if wrong:
            wrong += evidence(bench, watched, client.name)
    report.line(client.name, "suite", f"({len(direct.statements)} statements)", wrong)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
