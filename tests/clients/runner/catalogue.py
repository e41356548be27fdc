"""The clients: what `client.toml`, `planted.toml` and `pages.toml` say of them."""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

VERSIONS = ("looped", "eager")


class CatalogueError(Exception):
    """A file of the catalogue that cannot be used, with its path and what is wrong."""


@dataclass(frozen=True)
class Group:
    """A finding that is expected: see pages.toml for what each part means."""

    verdict: str
    child: re.Pattern
    executions: int
    parent: re.Pattern | None
    column: str | None
    sessions: int | None

    def __str__(self) -> str:
        source = f", from {self.column} of {self.parent.pattern!r}" if self.parent else ""
        return f"{self.verdict} {self.executions} times {self.child.pattern!r}{source}"


@dataclass(frozen=True)
class Deadlock:
    """A deadlock that must be predicted and confirmed, though nothing deadlocks in the run."""

    # One pattern a transaction that takes part, and one an object that they lock against each other.
    transactions: tuple[re.Pattern, ...]
    objects: tuple[re.Pattern, ...]
    # What the server's log must hold, each twice at least: once in either order.
    statements: tuple[re.Pattern, ...]

    def __str__(self) -> str:
        words = (" and ".join(p.pattern for p in patterns) for patterns in (self.transactions, self.objects))
        return "a confirmed deadlock of {} over {}".format(*words)


@dataclass(frozen=True)
class Page:
    """A page and what is to be found in its looped version."""

    name: str
    looped: tuple[Group, ...]


@dataclass(frozen=True)
class Client:
    """An application in one of its variants."""

    name: str
    folder: Path
    needs: str
    command: tuple[str, ...]
    setup: tuple[str, ...] = ()
    pages: tuple[Page, ...] = ()
    versions: tuple[str, ...] = VERSIONS
    # The planted findings of a whole test suite, which has no versions and no pages.
    planted: tuple[Group, ...] | None = None
    deadlocks: tuple[Deadlock, ...] = ()
    optional: bool = False
    environment: dict[str, str] = field(default_factory=dict)


def read(folder: Path) -> list[Client]:
    """Every client under the folder, in the order of their names."""
    pages = load(folder / "pages.toml")
    clients = []
    for file in sorted(folder.glob("**/client.toml")):
        clients.extend(read_client(file, pages))
    return sorted(clients, key=lambda client: client.name)


def select(clients: list[Client], names: list[str]) -> list[Client]:
    """The clients of these names, or of folders of these names; all where none is named."""
    if not names:
        return clients
    chosen = []
    for name in names:
        found = [c for c in clients if name == c.name or name in c.folder.parts[-2:]]
        if not found:
            raise CatalogueError(f"no client is named {name}; there are {', '.join(c.name for c in clients)}")
        chosen.extend(c for c in found if c not in chosen)
    return chosen


def read_client(file: Path, shared: dict) -> list[Client]:
    """The variants of one client.toml."""
    known = {"needs", "command", "setup", "pages", "versions", "variants", "page", "optional", "environment"}
    data = load(file)
    if unknown := data.keys() - known:
        raise CatalogueError(f"{file}: unknown keys {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
    own = data.get("page", {})
    folder = file.parent
    planted, locked = None, ()
    if (folder / "planted.toml").exists():
        suite = load(folder / "planted.toml")
        if unknown := suite.keys() - {"planted", "deadlock"}:
            raise CatalogueError(f"{folder / 'planted.toml'}: unknown keys {', '.join(sorted(unknown))}")
        planted = groups(folder / "planted.toml", suite.get("planted", []))
        locked = deadlocks(folder / "planted.toml", suite.get("deadlock", []))
    clients = []
    for name, variant in data.get("variants", {folder.name: {}}).items():
        pages = []
        for page in variant.get("pages", data.get("pages", [])):
            source, place = (own, file) if page in own else (shared, folder / "pages.toml")
            if page not in source:
                raise CatalogueError(f"{file}: page {page} is described neither here nor in pages.toml")
            pages.append(Page(page, groups(place, source[page].get("looped", []))))
        clients.append(
            Client(
                name=name,
                folder=folder,
                needs=data["needs"],
                command=(*data["command"], *variant.get("arguments", ())),
                setup=tuple(data.get("setup", ())),
                pages=tuple(pages),
                versions=tuple(data.get("versions", VERSIONS)),
                planted=planted,
                deadlocks=locked,
                optional=data.get("optional", False),
                environment=data.get("environment", {}),
            )
        )
    return clients


def groups(file: Path, tables: list[dict]) -> tuple[Group, ...]:
    """The expected groups of a page or a suite."""
    read = []
    for table in tables:
        try:
            read.append(
                Group(
                    verdict=table["verdict"],
                    child=re.compile(table["child"]),
                    executions=table["executions"],
                    parent=re.compile(table["parent"]) if "parent" in table else None,
                    column=table.get("column"),
                    sessions=table.get("sessions"),
                )
            )
        except (KeyError, re.error) as error:
            raise CatalogueError(f"{file}: {table}: {error!r}") from error
    return tuple(read)


def deadlocks(file: Path, tables: list[dict]) -> tuple[Deadlock, ...]:
    """The planted deadlocks of a suite."""
    read = []
    for table in tables:
        try:
            keys = ("transactions", "objects", "statements")
            read.append(Deadlock(*(tuple(re.compile(pattern) for pattern in table[key]) for key in keys)))
        except (KeyError, TypeError, re.error) as error:
            raise CatalogueError(f"{file}: {table}: {error!r}") from error
    return tuple(read)


def load(file: Path) -> dict:
    """A TOML file."""
    try:
        return tomllib.loads(file.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CatalogueError(f"{file}: {error}") from error
