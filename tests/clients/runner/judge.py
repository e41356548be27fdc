"""What is wrong with a run: each function returns its complaints, and none where all is right."""

import itertools
import re

from .catalogue import Deadlock, Group
from .server import Statement

# What fails a run.
FAILING = ("proven",)
# What is told and is no fault: it cannot be batched, so it may be there without being expected.
TOLD = ("chain",)


def normal(text: str) -> str:
    """A template or statement as the patterns of pages.toml expect it."""
    spaced = re.sub(r"\s+", " ", text.replace('"', "").lower())
    return spaced.replace("public.", "").strip().rstrip("; ")


def without_values(text: str) -> str:
    """A statement whose literals and parameters are taken out."""
    return re.sub(r"'(?:[^']|'')*'|\$?\b\d+\b", "?", text)


def log_complaints(expected: tuple[Group, ...], statements: list[Statement], looped: bool) -> list[str]:
    """Whether the application sent what pages.toml says: the loop N times, its twin once at most."""
    complaints = []
    texts = [normal(statement.text) for statement in statements]
    for group in expected:
        found = [text for text in texts if group.child.search(text)]
        count = len(found)
        if looped and count != group.executions:
            complaints.append(f"the server's log has {group.child.pattern!r} {count} times, not {group.executions}")
        if not looped and count != len({without_values(text) for text in found}):
            complaints.append(f"the server's log has {group.child.pattern!r} {count} times in the eager version")
        if looped and group.parent and not any(group.parent.search(text) for text in texts):
            complaints.append(f"the server's log has no {group.parent.pattern!r}")
    return complaints


def record_complaints(expected: tuple[Group, ...], record: dict | None, code: int) -> list[str]:
    """Whether the run record holds exactly the expected groups, from a complete capture."""
    part = ((record or {}).get("scenarios") or {}).get("nplusone")
    if part is None:
        return ["the run record has no scenarios.nplusone"]
    complaints = []
    if part.get("complete") is not True:
        complaints.append(f"the capture is not complete: {'; '.join(part.get('reasons') or ['no reason is given'])}")
    if not part.get("executions"):
        complaints.append("no statement was captured")
    left = list(part.get("groups") or [])
    for group in expected:
        best = min(left, key=lambda found: len(differences(group, found)), default=None)
        wrong = ["nothing was found"] if best is None else differences(group, best)
        if not wrong:
            left.remove(best)
        else:
            complaints.append(f"expected {group}: {'; '.join(wrong)}")
    complaints.extend(f"unexpected: {describe(found)}" for found in left if found["verdict"] not in TOLD)
    fails = any(group.verdict in FAILING for group in expected)
    if fails and code != 1:
        complaints.append(f"exit code {code}, not 1")
    if not expected and code != 0 and not other_errors(record):
        complaints.append(f"exit code {code}, not 0")
    return complaints


def differences(group: Group, found: dict) -> list[str]:
    """What sets a found group apart from an expected one."""
    wrong = []
    parent = found.get("parent") or {}
    if not group.child.search(normal(found["template"])):
        wrong.append(f"the template is {found['template']!r}")
    if found["verdict"] != group.verdict:
        wrong.append(f"the verdict is {found['verdict']}")
    if found["executions"] != group.executions:
        wrong.append(f"it ran {found['executions']} times")
    if group.parent and not group.parent.search(normal(parent.get("template", ""))):
        wrong.append(f"the parent is {parent.get('template')!r}")
    if group.column and parent.get("column") != group.column:
        wrong.append(f"the column is {parent.get('column')}")
    if group.sessions and found["sessions"] != group.sessions:
        wrong.append(f"it ran over {found['sessions']} sessions, not {group.sessions}")
    return wrong


def prediction_complaints(expected: tuple[Deadlock, ...], record: dict | None) -> list[str]:
    """Whether exactly the expected deadlocks are confirmed, and none is said to be possible beside them."""
    part = ((record or {}).get("scenarios") or {}).get("deadlock")
    if part is None or "predictions" not in part:
        return ["the run record has no scenarios.deadlock.predictions"]
    left = list(part["predictions"])
    complaints = []
    for deadlock in expected:
        best = next((found for found in left if found["verdict"] == "confirmed" and is_that(deadlock, found)), None)
        if best is not None:
            left.remove(best)
        else:
            complaints.append(f"expected {deadlock}")
    complaints.extend(f"unexpected: {describe_deadlock(found)}" for found in left)
    return complaints


def is_that(deadlock: Deadlock, found: dict) -> bool:
    """Whether a prediction is of these transactions, in whatever order, and of these objects alone."""
    names = [normal(name) for name in found["transactions"]]
    objects = [normal(name) for name in found["objects"]]
    orders = itertools.permutations(names) if len(names) == len(deadlock.transactions) else ()
    return (
        any(all(p.search(name) for p, name in zip(deadlock.transactions, order)) for order in orders)
        and all(any(p.search(name) for p in deadlock.objects) for name in objects)
        and all(any(p.search(name) for name in objects) for p in deadlock.objects)
    )


def describe_deadlock(found: dict) -> str:
    """A prediction in one line."""
    return f"{found['verdict']} deadlock of {' and '.join(found['transactions'])} over {', '.join(found['objects'])}"


def describe(found: dict) -> str:
    """A found group in one line."""
    parent = found.get("parent")
    source = f", from {parent['column']} of {parent['template']!r}" if parent else ""
    return f"{found['verdict']} {found['executions']} times {found['template']!r}{source}"


def other_errors(record: dict) -> bool:
    """Whether the run failed for what is not asked here, such as a slow statement on a busy machine."""
    return any(f["severity"] == "error" and f["scenario"] != "nplusone" for f in record.get("findings", []))
