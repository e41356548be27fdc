"""The dashboards: read, held against Grafana's types, and their queries run as Grafana runs them."""

import json
import re
import subprocess
import time


def load(docker):
    return {path.name: json.loads(path.read_text()) for path in sorted((docker / "grafana/dashboards").glob("*.json"))}


def references(value):
    """Every datasource that something in a dashboard names."""
    if isinstance(value, dict):
        if isinstance(value.get("datasource"), dict):
            yield value["datasource"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def against_types(docker, tools):
    """Writes every part of every dashboard as a TypeScript literal of its published type, and lets the compiler
    judge: an unknown field, a missing one and a wrong value are errors, with their path in the variable's name."""
    lines = ["import type * as s from './schema.mts';"]

    def check(name, kind, value):
        label = re.sub(r"\W+", "_", name)
        lines.append(f"export const {label}: {kind} = {json.dumps(value)};")

    for file, dashboard in load(docker).items():
        rest = {key: part for key, part in dashboard.items()
                if key not in ("panels", "annotations", "templating", "links")}
        check(file, "s.Dashboard", rest)
        check(f"{file} links", "s.Link[]", dashboard["links"])
        check(f"{file} variables", "s.Variable[]", dashboard["templating"]["list"])
        for annotation in dashboard["annotations"]["list"]:
            check(f"{file} {annotation['name']}", "s.Annotation", without(annotation, "target"))
        for panel in dashboard["panels"]:
            name, kind = f"{file} {panel['title']}", panel["type"]
            check(name, "s.Panel", without(panel, "options", "fieldConfig", "targets"))
            check(f"{name} options", f"s.Options['{kind}']", panel["options"])
            defaults = panel["fieldConfig"]["defaults"]
            check(f"{name} fields", "s.Fields", without(defaults, "custom"))
            check(f"{name} custom", f"s.Custom['{kind}']", defaults.get("custom", {}))
            overrides = panel["fieldConfig"]["overrides"]
            check(f"{name} overrides", "s.Overrides", overrides)
            for number, override in enumerate(overrides):
                for own in override["properties"]:
                    if own["id"].startswith("custom."):
                        part = {own["id"].removeprefix("custom."): own["value"]}
                        check(f"{name} override {number} {own['id']}", f"s.Custom['{kind}']", part)
    (tools / "checked.mts").write_text("\n".join(lines) + "\n")
    done = subprocess.run(
        [tools / "node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "esnext",
         "--moduleResolution", "bundler", "--allowImportingTsExtensions", "--target", "es2022", "checked.mts"],
        cwd=tools, capture_output=True, text=True)
    if done.returncode == 0:
        return []
    failures = []
    for error in done.stdout.splitlines():
        at = re.match(r"checked\.mts\((\d+),", error)
        where = lines[int(at[1]) - 1].split(":")[0].removeprefix("export const ") if at else ""
        failures.append(f"types: {where} {error}")
    return failures


def without(value, *keys):
    return {key: part for key, part in value.items() if key not in keys}


def run(loaded, store, prometheus):
    """Runs every query; each must give rows. Returns how many there are, and what is wrong."""
    queries, failures = 0, []
    for file, dashboard in loaded.items():
        variables = values_of_variables(dashboard, store)
        targets = [(variable["name"], {"rawSql": variable["query"]}) for variable in dashboard["templating"]["list"]]
        targets += [(a["name"], a["target"]) for a in dashboard["annotations"]["list"]]
        targets += [(panel["title"], target) for panel in dashboard["panels"] for target in panel["targets"]]
        for title, target in targets:
            queries += 1
            try:
                if "rawSql" in target:
                    wrong = judge_rows(target, store.rows(expanded(target["rawSql"], variables)))
                else:
                    wrong = judge_samples(target, prometheus, variables)
            except subprocess.CalledProcessError as error:
                wrong = error.stderr.strip()
            if wrong:
                failures.append(f"{file}: {title}: {wrong}")
    return queries, failures


def tell_times(loaded, store):
    """How long the SQL of the panels takes, each once; a time decides nothing here."""
    times = []
    for file, dashboard in loaded.items():
        variables = values_of_variables(dashboard, store)
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                if "rawSql" in target:
                    began = time.monotonic()
                    store.rows(expanded(target["rawSql"], variables))
                    times.append((time.monotonic() - began, f"{file}: {panel['title']}"))
    runs = store.rows("SELECT count(*) FROM dbproof.runs")[1][0]
    times.sort(reverse=True)
    slowest, median = times[0], times[len(times) // 2]
    print(f"with {runs} runs, 90 days of all projects: {len(times)} panels, median {median[0] * 1000:.0f} ms, "
          f"slowest {slowest[0] * 1000:.0f} ms ({slowest[1]})")


def judge_rows(target, rows):
    if len(rows) < 2:
        return "no rows"
    header = rows[0]
    if target.get("format") == "time_series":
        if header[0] != "time" or len(header) < 2:
            return f"a series needs a time and a value, and has {header}"
        numbers = [name for name in header[1:] if name != "metric"]
        for row in rows[1:]:
            for name, value in zip(header, row):
                if name in numbers and value != "":
                    float(value)
    if all(value == "" for row in rows[1:] for value in row):
        return "nothing but NULL"
    return None


def judge_samples(target, prometheus, variables):
    """As it is now, and over a range where the panel asks for one. A legend names labels that are there."""
    samples = prometheus.query(expanded(target["expr"], variables))
    if not samples:
        return "no samples"
    for label in re.findall(r"{{(\w+)}}", target.get("legendFormat", "")):
        if not any(label in sample["metric"] for sample in samples) and "or vector(0)" not in target["expr"]:
            return f"no sample has the label {label}, which the legend names"
    return None


def values_of_variables(dashboard, store):
    """Each variable with all of its values, as the choice `All` has them."""
    variables = {}
    for variable in dashboard["templating"]["list"]:
        rows = store.rows(expanded(variable["query"], variables))
        variables[variable["name"]] = [row[0] for row in rows[1:]]
    return variables


def expanded(query, variables):
    """What Grafana sends: its variables (`sqlstring`, `regex`) and its macros in their place.

    Sources: Grafana's manual, "Variable syntax" and "PostgreSQL query editor: macros"."""
    end = time.time()
    moments = [time.strftime("'%Y-%m-%dT%H:%M:%SZ'", time.gmtime(moment)) for moment in (end - 90 * 86400, end)]

    def variable(match):
        values = variables[match[1]]
        if match[2] == "sqlstring":
            return ",".join("'" + value.replace("'", "''") + "'" for value in values)
        special = [re.sub(r"([\\^$*+?.()|[\]{}/])", r"\\\1", value) for value in values]
        # Within a string of PromQL, a backslash is written twice.
        return ("(" + "|".join(special) + ")").replace("\\", "\\\\")

    query = re.sub(r"\$\{(\w+):(sqlstring|regex)\}", variable, query)
    query = re.sub(r"\$__timeFilter\(([^)]+)\)", rf"\1 BETWEEN {moments[0]} AND {moments[1]}", query)
    left = re.search(r"\$(\{|__)\w*", query)
    if left:
        raise subprocess.CalledProcessError(1, "expand", stderr=f"{left[0]}… is not known to the check")
    return query
