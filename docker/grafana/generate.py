#!/usr/bin/env python3
"""Writes dashboards/*.json, which Grafana is provisioned with: `docker/grafana/generate.py`.

The dashboards are described here, once: a panel is a line of title, size and query, and what all panels of a
kind have in common is said in one place. `make test-grafana` checks that the files are up to date.
"""

import json
import pathlib
import sys

STORE = {"type": "grafana-postgresql-datasource", "uid": "dbproof-store"}
PROMETHEUS = {"type": "prometheus", "uid": "dbproof-prometheus"}

# The runs that a dashboard looks at: those of the chosen projects and branches, in the chosen time. A choice
# has no empty text, so that a project without a name and a run without a branch are given one.
PROJECT = "coalesce(nullif(project, ''), '(none)')"
BRANCH = "coalesce(git_branch, '(none)')"
RUNS = f"""{PROJECT.replace("project", "r.project")} IN (${{project:sqlstring}})
  AND {BRANCH.replace("git_branch", "r.git_branch")} IN (${{branch:sqlstring}})
  AND $__timeFilter(r.started_at)"""

GREEN, YELLOW, RED = "green", "yellow", "red"
VERDICTS = {
    "pass": GREEN, "kept": GREEN, "improved": GREEN, "info": "blue", "changed": "blue", "unchanged": "text",
    "inconclusive": YELLOW, "warning": YELLOW, "likely": YELLOW, "possible": YELLOW,
    "fail": RED, "error": RED, "regressed": RED, "proven": RED, "confirmed": RED,
}


def sql(query, form="table", ref="A"):
    return {
        "refId": ref, "datasource": STORE, "editorMode": "code", "rawQuery": True, "format": form,
        "rawSql": query.strip(),
    }


def promql(expression, legend=None, instant=False):
    target = {
        "refId": "A", "datasource": PROMETHEUS, "editorMode": "code", "expr": expression,
        "instant": instant, "range": not instant,
    }
    if legend:
        target["legendFormat"] = legend
    return target


def panel(kind, title, target, unit="none", width=12, height=8, description=None, **parts):
    made = {
        "type": kind, "title": title, "datasource": target["datasource"], "targets": [target],
        "gridPos": {"x": 0, "y": 0, "w": width, "h": height},
        "fieldConfig": {"defaults": {"unit": unit, **parts.pop("defaults", {})}, "overrides": parts.pop("overrides", [])},
        "options": parts.pop("options", {}),
    }
    if description:
        made["description"] = description
    return made


def thresholds(*steps):
    """Colours from these values on; the first holds below all others."""
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}


def stat(title, target, unit="none", steps=((None, GREEN),), width=4, **more):
    options = {
        "colorMode": "background", "graphMode": "none", "textMode": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": more.pop("fields", ""), "values": False},
    }
    defaults = {"thresholds": thresholds(*steps), "color": {"mode": "thresholds"}, **more.pop("defaults", {})}
    return panel("stat", title, target, unit, width, 4, options=options, defaults=defaults, **more)


def series(title, target, unit="none", **more):
    defaults = {
        "custom": {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 0, "showPoints": "always", "pointSize": 5,
                   "spanNulls": True},
        "color": {"mode": "palette-classic"},
    }
    options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    # A threshold is drawn as a dashed red line.
    overrides = [{
        "matcher": {"id": "byRegexp", "options": ".*threshold.*"},
        "properties": [
            {"id": "color", "value": {"mode": "fixed", "fixedColor": RED}},
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [8, 8]}},
            {"id": "custom.showPoints", "value": "never"},
        ],
    }]
    return panel("timeseries", title, target, unit, defaults=defaults, options=options, overrides=overrides, **more)


def table(title, target, units=(), width=24, **more):
    colours = {text: {"color": color, "text": text} for text, color in VERDICTS.items()}
    overrides = [{
        "matcher": {"id": "byRegexp", "options": "^(verdict|severity)$"},
        "properties": [
            {"id": "mappings", "value": [{"type": "value", "options": colours}]},
            {"id": "custom.cellOptions", "value": {"type": "color-text"}},
        ],
    }]
    overrides += [{"matcher": {"id": "byName", "options": name}, "properties": [{"id": "unit", "value": unit}]}
                  for name, unit in units]
    defaults = {"custom": {"align": "auto", "filterable": True, "cellOptions": {"type": "auto"}}}
    return panel("table", title, target, width=width, defaults=defaults, overrides=overrides,
                 options={"showHeader": True, "cellHeight": "sm"}, **more)


def choice(name, label, query):
    return {
        "type": "query", "name": name, "label": label, "datasource": STORE, "query": query,
        "refresh": 2, "sort": 1, "multi": True, "includeAll": True,
        "current": {"text": ["All"], "value": ["$__all"], "selected": True},
    }


CHOICES = [
    choice("project", "Project", f"SELECT DISTINCT {PROJECT} FROM dbproof.runs ORDER BY 1"),
    choice("branch", "Branch",
           f"SELECT DISTINCT {BRANCH} FROM dbproof.runs WHERE {PROJECT} IN (${{project:sqlstring}}) ORDER BY 1"),
]
QUERIES = choice("query", "Query",
                 f"SELECT DISTINCT name FROM dbproof.queries WHERE {PROJECT} IN (${{project:sqlstring}}) ORDER BY 1")

COMMITS = {
    "name": "Commits", "datasource": STORE, "enable": True, "hide": False, "iconColor": "blue",
    # The first run of each commit.
    "target": sql(f"""
SELECT min(r.started_at) AS time, left(r.git_commit, 10) || ' on ' || coalesce(r.git_branch, 'no branch') AS text,
       r.project AS tags
FROM dbproof.runs r
WHERE {RUNS} AND r.git_commit IS NOT NULL
GROUP BY r.git_commit, r.git_branch, r.project""", ref="Anno"),
}


def dashboard(uid, title, description, panels, choices=CHOICES):
    x = y = row = 0
    for number, made in enumerate(panels, 1):
        grid = made["gridPos"]
        if x + grid["w"] > 24:
            x, y, row = 0, y + row, 0
        grid["x"], grid["y"] = x, y
        x, row = x + grid["w"], max(row, grid["h"])
        made["id"] = number
    return {
        "uid": uid, "title": title, "description": description, "tags": ["dbproof"], "schemaVersion": 41,
        "editable": False, "graphTooltip": 1, "refresh": "5m", "timezone": "browser",
        "time": {"from": "now-90d", "to": "now"},
        "annotations": {"list": [COMMITS]}, "templating": {"list": choices},
        "links": [{"type": "dashboards", "title": "dbproof", "tags": ["dbproof"], "asDropdown": False,
                   "includeVars": True, "keepTime": True, "icon": "dashboard", "targetBlank": False,
                   "tooltip": "", "url": ""}],
        "panels": panels,
    }


OVERVIEW = dashboard("dbproof-overview", "dbproof: overview", "Whether the database work of each project is fast.", [
    stat("Runs", sql(f"SELECT count(*) AS runs FROM dbproof.runs r WHERE {RUNS}"), steps=((None, "blue"),)),
    stat("Runs that passed", sql(f"""
SELECT avg((r.verdict = 'pass')::int) AS passed FROM dbproof.runs r WHERE {RUNS}"""),
         "percentunit", ((None, RED), (0.8, YELLOW), (0.95, GREEN))),
    stat("Errors in the last runs", sql(f"""
SELECT sum(errors) AS errors FROM (
  SELECT DISTINCT ON (r.project) r.errors FROM dbproof.runs r WHERE {RUNS} ORDER BY r.project, r.started_at DESC
) last"""), steps=((None, GREEN), (1, RED))),
    stat("Projects that fail now", promql('count(dbproof_run_verdict{verdict="fail"} == 1) or vector(0)', instant=True),
         steps=((None, GREEN), (1, RED))),
    stat("Queries over their threshold now", promql('count(dbproof_query_verdict{verdict="fail"} == 1) or vector(0)', instant=True),
         steps=((None, GREEN), (1, RED))),
    stat("Since the last metrics", promql("time() - max(dbproof_run_start_timestamp_seconds)", instant=True), "s",
         ((None, GREEN), (86400, YELLOW), (604800, RED))),
    series("Findings by severity", sql(f"""
SELECT r.started_at AS time, sum(r.errors) AS errors, sum(r.warnings) AS warnings
FROM dbproof.runs r WHERE {RUNS} GROUP BY 1 ORDER BY 1""", "time_series")),
    series("How long runs take", sql(f"""
SELECT r.started_at AS time, r.project AS metric, r.duration_ms AS value
FROM dbproof.runs r WHERE {RUNS} ORDER BY 1""", "time_series"), "ms"),
    table("Last runs", sql(f"""
SELECT r.started_at, r.project, r.verdict, r.errors, r.warnings, r.duration_ms AS duration, r.git_branch AS branch,
       left(r.git_commit, 10) AS commit, r.server_version AS server, r.run_id AS run
FROM dbproof.runs r WHERE {RUNS} ORDER BY r.started_at DESC LIMIT 100"""), [("duration", "ms")], height=10),
    table("Most frequent findings", sql(f"""
SELECT f.code, f.severity, f.scenario, f.subject, count(*) AS runs, max(r.started_at) AS last_seen
FROM dbproof.findings f JOIN dbproof.runs r USING (run_id) WHERE {RUNS}
GROUP BY 1, 2, 3, 4 ORDER BY runs DESC LIMIT 100"""), height=10),
])

SLOW = dashboard("dbproof-slow", "dbproof: slow queries", "Latency of the monitored queries, against their thresholds.", [
    series("p95 and threshold", sql(f"""
SELECT r.started_at AS time, q.name || line.suffix AS metric, line.value
FROM dbproof.slow_results s JOIN dbproof.runs r USING (run_id) JOIN dbproof.queries q USING (query_id)
CROSS JOIN LATERAL (VALUES (' p95', s.p95_ms), (' threshold', s.threshold_ms)) AS line (suffix, value)
WHERE {RUNS} AND q.name IN (${{query:sqlstring}}) ORDER BY 1""", "time_series"), "ms", width=24, height=10),
    series("p50, p95, p99", sql(f"""
SELECT r.started_at AS time, q.name || line.suffix AS metric, line.value
FROM dbproof.slow_results s JOIN dbproof.runs r USING (run_id) JOIN dbproof.queries q USING (query_id)
CROSS JOIN LATERAL (VALUES (' p50', s.p50_ms), (' p95', s.p95_ms), (' p99', s.p99_ms)) AS line (suffix, value)
WHERE {RUNS} AND q.name IN (${{query:sqlstring}}) ORDER BY 1""", "time_series"), "ms"),
    series("Share of the threshold that is used", sql(f"""
SELECT r.started_at AS time, q.name AS metric, s.measured_ms / s.threshold_ms AS value
FROM dbproof.slow_results s JOIN dbproof.runs r USING (run_id) JOIN dbproof.queries q USING (query_id)
WHERE {RUNS} AND q.name IN (${{query:sqlstring}}) ORDER BY 1""", "time_series"), "percentunit"),
    series("p95 in the last metrics", promql(
        'dbproof_query_latency_seconds{project=~"${project:regex}|", query=~"${query:regex}", statistic="p95"}',
        "{{query}}"), "s"),
    series("Failing queries in the last metrics", promql(
        'count by (project) (dbproof_query_verdict{project=~"${project:regex}|", verdict="fail"}) or vector(0)',
        "{{project}}")),
    table("Last result of each query", sql(f"""
SELECT DISTINCT ON (r.project, q.name) r.project, q.name AS query, s.verdict, s.statistic, s.measured_ms AS measured,
       s.low_ms AS low, s.high_ms AS high, s.threshold_ms AS threshold, s.samples, s.errors, r.started_at
FROM dbproof.slow_results s JOIN dbproof.runs r USING (run_id) JOIN dbproof.queries q USING (query_id)
WHERE {RUNS} AND q.name IN (${{query:sqlstring}}) ORDER BY r.project, q.name, r.started_at DESC"""),
          [(name, "ms") for name in ("measured", "low", "high", "threshold")], height=10),
], CHOICES + [QUERIES])

REGRESSIONS = dashboard("dbproof-regressions", "dbproof: regressions", "What changes of the schema do to the monitored queries.", [
    series("Blocks after the change", sql(f"""
SELECT r.started_at AS time, q.name AS metric, g.after_blocks AS value
FROM dbproof.regress_results g JOIN dbproof.runs r USING (run_id) JOIN dbproof.queries q USING (query_id)
WHERE {RUNS} AND q.name IN (${{query:sqlstring}}) AND g.after_blocks IS NOT NULL ORDER BY 1""", "time_series")),
    series("Time, after divided by before", sql(f"""
SELECT r.started_at AS time, q.name AS metric, g.time_ratio AS value
FROM dbproof.regress_results g JOIN dbproof.runs r USING (run_id) JOIN dbproof.queries q USING (query_id)
WHERE {RUNS} AND q.name IN (${{query:sqlstring}}) AND g.time_ratio IS NOT NULL ORDER BY 1""", "time_series")),
    table("Queries that another plan or time came with", sql(f"""
SELECT r.started_at, q.name AS query, g.verdict, c.change, g.before_blocks, g.after_blocks, g.blocks_ratio,
       g.time_ratio, g.timing, g.reasons, left(r.git_commit, 10) AS commit
FROM dbproof.regress_results g JOIN dbproof.runs r USING (run_id) JOIN dbproof.queries q USING (query_id)
JOIN dbproof.changes c USING (run_id)
WHERE {RUNS} AND q.name IN (${{query:sqlstring}}) AND g.verdict <> 'unchanged'
ORDER BY (g.verdict = 'regressed') DESC, r.started_at DESC LIMIT 200"""), height=10),
    table("What changed in the plans", sql(f"""
SELECT r.started_at, q.name AS query, p.kind, p.effect, p.relation, p.was, p.became
FROM dbproof.plan_changes p JOIN dbproof.runs r USING (run_id) JOIN dbproof.queries q USING (query_id)
WHERE {RUNS} AND q.name IN (${{query:sqlstring}}) ORDER BY r.started_at DESC, p.position LIMIT 200"""), height=10),
    table("Changes", sql(f"""
SELECT r.started_at, c.change, c.statements, c.duration_ms AS duration, c.wal_bytes AS wal
FROM dbproof.changes c JOIN dbproof.runs r USING (run_id) WHERE {RUNS}
ORDER BY r.started_at DESC LIMIT 100"""), [("duration", "ms"), ("wal", "bytes")], width=12),
    series("How long changes take to apply", sql(f"""
SELECT r.started_at AS time, c.change AS metric, c.duration_ms AS value
FROM dbproof.changes c JOIN dbproof.runs r USING (run_id)
WHERE {RUNS} AND c.duration_ms IS NOT NULL ORDER BY 1""", "time_series"), "ms"),
], CHOICES + [QUERIES])

TRAFFIC = dashboard("dbproof-nplusone-deadlocks", "dbproof: N+1 and deadlocks", "Loops over statements, and what deadlocks cost.", [
    series("Groups of repeated statements", sql(f"""
SELECT r.started_at AS time, g.verdict AS metric, count(*) AS value
FROM dbproof.nplusone_groups g JOIN dbproof.runs r USING (run_id)
WHERE {RUNS} AND g.ignored IS NULL GROUP BY 1, 2 ORDER BY 1""", "time_series")),
    series("Time of a deadlock, until the victim's work is committed", sql(f"""
SELECT r.started_at AS time, s.name || ' at ' || s.deadlock_timeout_ms || ' ms' AS metric, s.outage_p50_ms AS value
FROM dbproof.deadlock_shapes s JOIN dbproof.runs r USING (run_id)
WHERE {RUNS} AND s.outage_p50_ms IS NOT NULL ORDER BY 1""", "time_series"), "ms"),
    table("N+1 statements", sql(f"""
SELECT g.verdict, t.template AS statement, parent.template AS values_from, max(g.executions) AS executions,
       max(g.looped_ms) AS looped, max(g.batched_ms) AS batched, count(*) AS runs, max(r.started_at) AS last_seen
FROM dbproof.nplusone_groups g JOIN dbproof.runs r USING (run_id)
JOIN dbproof.templates t USING (template_id)
LEFT JOIN dbproof.templates parent ON parent.template_id = g.parent_template_id
WHERE {RUNS} AND g.ignored IS NULL
GROUP BY 1, 2, 3 ORDER BY (g.verdict = 'proven') DESC, executions DESC LIMIT 100"""),
          [("looped", "ms"), ("batched", "ms")], height=10),
    table("Predicted deadlocks", sql(f"""
SELECT r.started_at, p.verdict, array_to_string(p.transactions, ', ') AS transactions,
       array_to_string(p.objects, ', ') AS objects, p.remedy
FROM dbproof.deadlock_predictions p JOIN dbproof.runs r USING (run_id) WHERE {RUNS}
ORDER BY r.started_at DESC LIMIT 100"""), width=12),
    table("Findings", sql(f"""
SELECT r.started_at, f.severity, f.code, f.subject, f.message, f.remedy
FROM dbproof.findings f JOIN dbproof.runs r USING (run_id)
WHERE {RUNS} AND f.scenario IN ('nplusone', 'deadlock', 'watch') ORDER BY r.started_at DESC LIMIT 100"""), width=12),
    table("Statements by the time that they took, while watched", sql(f"""
SELECT t.template AS statement, sum(w.executions) AS executions, sum(w.total_ms) AS total, max(w.p95_ms) AS p95,
       max(w.share) AS share, max(r.started_at) AS last_seen
FROM dbproof.watched_statements w JOIN dbproof.runs r USING (run_id) JOIN dbproof.templates t USING (template_id)
WHERE {RUNS} GROUP BY 1 ORDER BY total DESC LIMIT 100"""),
          [("total", "ms"), ("p95", "ms"), ("share", "percentunit")]),
    series("Groups in the last metrics", promql(
        'dbproof_nplusone_groups{project=~"${project:regex}|"}', "{{project}} {{verdict}}")),
    series("Outage in the last metrics", promql(
        'dbproof_deadlock_outage_seconds{project=~"${project:regex}|", statistic="p50"}',
        "{{shape}} at {{deadlock_timeout_seconds}} s"), "s"),
])


def main():
    folder = pathlib.Path(__file__).parent / "dashboards"
    for made in (OVERVIEW, SLOW, REGRESSIONS, TRAFFIC):
        text = json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        path = folder / (made["uid"] + ".json")
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"{path} is not up to date: run docker/grafana/generate.py")


main()
