#!/usr/bin/env python3
"""Judges the N+1 detector's labelled corpus by explainsql's `requests`, case by case.

    EXPLAINSQL=.../explainsql scripts/bench-peer-requests.py

Each case of crates/dbproof-analysis/tests/traces is written as the csvlog that a server would have
written, and handed to it. dbproof is not run here: its own tests fail if a case is judged otherwise
than labelled. Prints a Markdown table, and on standard error what differs.
"""

import csv
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

CASES = pathlib.Path(__file__).parent.parent / "crates/dbproof-analysis/tests/traces"
LOOPS = ("proven", "likely", "write-loop")
BEGINNING = datetime.datetime(2026, 1, 1)


def filled(line, name, value):
    """Puts `{x}` and `{x%n}` into a line."""
    line = line.replace("{%s}" % name, str(value))
    opening = "{%s%%" % name
    while opening in line:
        start = line.index(opening)
        end = line.index("}", start)
        divisor = int(line[start + len(opening) : end])
        line = line[:start] + str(value % divisor) + line[end + 1 :]
    return line


def unrolled(text):
    """The statements of a case with its loops written out."""
    for line in map(str.strip, text.splitlines()):
        if not line or line[0] in "#!":
            continue
        if not line.startswith("for "):
            yield line
            continue
        head, body = line[4:].split(":", 1)
        name, bounds = head.split(" in ")
        first, last = map(int, bounds.split(".."))
        for value in range(first, last + 1):
            for part in body.split("&&"):
                yield filled(part, name.strip(), value).strip()


def entries(text):
    """The log's entries: session, transaction, microsecond of the end, duration, text, parameters, failed."""
    now = 0
    for line in unrolled(text):
        parts = [part.strip() for part in line.split("|")]
        head = parts[0]
        failed = head.endswith("failed")
        head = head.removesuffix("failed").strip()
        head, _, took = head.partition("~")
        head, _, gap = head.partition("+")
        head, _, unit = head.partition("@")
        session, _, transaction = head.partition(".")
        now += 1000 + 1000 * int(gap or 0)
        took = 1000 * int(took) if took else 500
        sql = parts[1]
        if unit:
            trace = unit.encode().hex().ljust(32, "0")[:32]
            sql = "/*traceparent='00-%s-0123456789abcdef-01'*/ %s" % (trace, sql)
        values = [v.strip() for v in parts[2].split(",")] if len(parts) > 2 and parts[2] else []
        yield int(session), transaction, now + took, took, sql, values, failed


def write_log(text, path):
    # A server writes an entry when the statement has ended.
    lines = sorted(enumerate(entries(text)), key=lambda item: (item[1][2], item[0]))
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        for number, (_, entry) in enumerate(lines):
            session, transaction, ended, took, sql, values, failed = entry
            time = BEGINNING + datetime.timedelta(microseconds=ended)
            row = [""] * 26
            row[0] = time.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + " UTC"
            row[1:4] = ["app", "shop", str(1000 + session)]
            row[5:7] = ["6b0000%02x.%x" % (session % 256, 1000 + session), str(number + 1)]
            row[8] = "2026-01-01 00:00:00 UTC"
            row[9] = "3/%d" % (1000 * session + int(transaction)) if transaction else "3/0"
            row[10] = "0"
            row[11:13] = ["ERROR", "40001"] if failed else ["LOG", "00000"]
            if failed:
                row[13], row[19] = "could not serialize access", sql
            elif values:
                row[13] = "duration: %.3f ms  execute s1: %s" % (took / 1000, sql)
                quoted = ("$%d = '%s'" % (n, v.replace("'", "''")) for n, v in enumerate(values, 1))
                row[14] = "parameters: " + ", ".join(quoted)
            else:
                row[13] = "duration: %.3f ms  statement: %s" % (took / 1000, sql)
            row[22:24] = ["app", "client backend"]
            writer.writerow(row)


def kind(text):
    """What a case is, by the worst of its labels."""
    labels = [line[1:].split()[0] for line in text.splitlines() if line.startswith("!")]
    for wanted in (*LOOPS, "duplicate", "chain"):
        if wanted in labels:
            return wanted
    return "nothing"


def main():
    program = os.environ.get("EXPLAINSQL", "explainsql")
    counts = {}
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "case.csv")
        for case in sorted(CASES.glob("*.txt")):
            text = case.read_text()
            write_log(text, log)
            command = [program, "requests", "--format", "json", "--limit", "100", log]
            run = subprocess.run(command, capture_output=True, text=True, check=False)
            if run.returncode not in (0, 1):
                print("%s: %s" % (case.name, run.stderr.strip()), file=sys.stderr)
                continue
            found = json.loads(run.stdout).get("loops", [])
            of = kind(text)
            right = bool(found) == (of in (*LOOPS, "duplicate"))
            all_of, right_of = counts.get(of, (0, 0))
            counts[of] = (all_of + 1, right_of + right)
            if not right:
                said = "; ".join("%s: %s" % (loop["kind"], loop["text"]) for loop in found)
                print("%s (%s): %s" % (case.name, of, said or "nothing"), file=sys.stderr)
    print("| label | cases | explainsql |")
    print("|---|---|---|")
    for of in (*LOOPS, "duplicate", "chain", "nothing"):
        all_of, right_of = counts.get(of, (0, 0))
        print("| %s | %d | %d |" % (of, all_of, right_of))


if __name__ == "__main__":
    main()
