"""Checks docker/ without a container; `make test-grafana` starts it and says what for."""

import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import ruamel.yaml

import dashboards
import servers

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCKER = ROOT / "docker"


def main():
    arguments = argparse.ArgumentParser()
    for name in ("tools", "postgres", "prometheus", "dbproof"):
        arguments.add_argument(f"--{name}", type=pathlib.Path, required=True)
    given = arguments.parse_args()
    failures = files(given.tools) + dashboards.against_types(DOCKER, given.tools)
    loaded = dashboards.load(DOCKER)
    failures += datasources(loaded)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with servers.Store(given.postgres, pathlib.Path(folder)) as store:
            metrics = fill(store, given.dbproof.resolve(), pathlib.Path(folder))
            with servers.Prometheus(given.prometheus, pathlib.Path(folder), metrics) as prometheus:
                checks, more = dashboards.run(loaded, store, prometheus)
            multiply(store)
            dashboards.tell_times(loaded, store)
    failures += more
    for failure in failures:
        print(f"FAIL {failure}", file=sys.stderr)
    print(f"{checks} queries of {len(loaded)} dashboards were run")
    print(f"{checks - len(more)} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


def files(tools):
    """The Compose file by the Compose specification, the Dockerfile by hadolint, the dashboards by their source."""
    programs = tools / "venv/bin"
    environment = {**os.environ, "NO_COLOR": "1"}
    failures = []
    for command in (
        [programs / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DOCKER / "compose.yaml"],
        [programs / "hadolint", DOCKER / "Dockerfile"],
        [sys.executable, DOCKER / "grafana/generate.py", "--check"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            failures.append(f"{pathlib.Path(command[0]).name}: {done.stdout}{done.stderr}")
    compose = read_yaml(DOCKER / "compose.yaml")
    for name, service in compose["services"].items():
        tag = service["image"].partition(":")[2]
        if not any(part.isdigit() for part in tag.lstrip("v").split(".")[:1]):
            failures.append(f"compose.yaml: the image of {name} is not pinned: {service['image']}")
        if "healthcheck" not in service:
            failures.append(f"compose.yaml: {name} has no health check")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./") and not (DOCKER / source).exists():
                failures.append(f"compose.yaml: {name} mounts {source}, which is not there")
        for variable, value in service.get("environment", {}).items():
            if "PASSWORD" in variable and not value.startswith("${") or ":?" not in value and "PASSWORD" in variable:
                failures.append(f"compose.yaml: {variable} of {name} is not asked for")
    return failures


def datasources(loaded):
    """Every reference leads to a datasource that is provisioned, of that type."""
    provisioned = read_yaml(DOCKER / "grafana/provisioning/datasources/dbproof.yaml")["datasources"]
    known = {source["uid"]: source["type"] for source in provisioned}
    failures = []
    for name, dashboard in loaded.items():
        for reference in dashboards.references(dashboard):
            if known.get(reference["uid"]) != reference["type"]:
                failures.append(f"{name}: there is no datasource {reference}")
    return failures


def read_yaml(path):
    return ruamel.yaml.YAML(typ="safe", pure=True).load(path.read_text())


def fill(store, dbproof, folder):
    """Runs dbproof for real, and puts what it saw into the store: as it is, and as it might have been on thirty
    other days and commits. Returns the file for Prometheus."""
    ran, metrics = folder / "run.json", folder / "dbproof.prom"
    config = ROOT / "examples/shop/dbproof.toml"
    subprocess.run(
        [dbproof, "run", "--config", config, "--format", f"json={ran}", "--output", folder / "output", "--quiet",
         "--fail-on", "never", "--export", f"prometheus={metrics}"],
        stdin=subprocess.DEVNULL, check=True)
    samples = ROOT / "crates/dbproof-report/tests/it"
    records = [json.loads(path.read_text()) for path in (ran, samples / "sample.json", samples / "watch.json")]
    now = datetime.datetime.now(datetime.timezone.utc)
    for day in range(30):
        for record in records:
            record["run_id"] = f"{record['run_id'][:12]}{day:04}"
            record["started_at"] = (now - datetime.timedelta(days=day, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            record["git"] = {"commit": f"{day:040x}", "branch": "main" if day % 3 else "feature/it's", "dirty": False}
            path = folder / "record.json"
            path.write_text(json.dumps(record))
            subprocess.run(
                [dbproof, "export", path, "--to", "env:STORE", "--keep", "90d"], check=True, capture_output=True,
                env={**os.environ, "STORE": store.url})
    return metrics


def multiply(store):
    """Ten thousand runs and more, out of those that are there: each with as many copies."""
    tables = ["runs", "scenarios", "findings", "slow_results", "changes", "regress_results", "plan_changes",
              "captures", "nplusone_groups", "watched_statements", "deadlock_shapes", "deadlock_predictions"]
    owner = store.environment("dbproof")
    for table in tables:
        moved = ", 'started_at', old.started_at - copy * interval '7 minutes'" if table == "runs" else ""
        store.psql(f"""INSERT INTO dbproof.{table} SELECT new.* FROM dbproof.{table} old, generate_series(1, 111) copy,
            LATERAL jsonb_populate_record(NULL::dbproof.{table}, to_jsonb(old)
                || jsonb_build_object('run_id', old.run_id || '-' || copy{moved})) new""", owner)
    store.psql("ANALYZE", owner)


main()
