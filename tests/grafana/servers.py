"""A throw-away PostgreSQL that stands for the results store, and a Prometheus; both end with the check."""

import csv
import http.server
import io
import json
import os
import pathlib
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, condition, process):
    began = time.monotonic()
    while not condition():
        if process.poll() is not None or time.monotonic() - began > 60:
            raise SystemExit(f"waited in vain until {what}")


class Store:
    """PostgreSQL refuses to run as root, hence the user. Its first role and Grafana's reader are made by the
    script of the Compose file itself."""

    def __init__(self, binaries, folder):
        self.binaries, self.data, self.port = binaries, folder / "store", free_port()
        self.process = None
        self.password = secrets.token_hex(8) + "'\"$ \\"
        self.user = "nobody" if os.geteuid() == 0 else None
        self.url = f"postgres://dbproof:{urllib.parse.quote(self.password, safe='')}@127.0.0.1:{self.port}/dbproof"

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def start(self):
        self.data.mkdir(mode=0o700)
        if self.user:
            os.chown(self.data, pwd.getpwnam(self.user).pw_uid, -1)
        word = self.data.parent / "password"
        word.write_text(self.password + "\n")
        common = {"user": self.user, "cwd": "/", "check": True, "capture_output": True}
        subprocess.run([self.binaries / "initdb", "-D", self.data, "-U", "dbproof", "-A", "scram-sha-256",
                        "--pwfile", word], **common)
        self.process = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.data, "-p", str(self.port), "-k", "", "-h", "127.0.0.1",
             "-c", "fsync=off"], user=self.user, cwd="/", stderr=subprocess.DEVNULL)
        environment = self.environment("dbproof", "postgres")
        wait_until("the store answers", lambda: subprocess.run(
            ["psql", "-X", "-c", "SELECT 1"], env=environment, capture_output=True).returncode == 0, self.process)
        self.psql("CREATE DATABASE dbproof", environment)
        script = pathlib.Path(__file__).resolve().parents[2] / "docker/postgres/10-reader.sh"
        reader = {"POSTGRES_USER": "dbproof", "POSTGRES_DB": "dbproof", "GRAFANA_READER_PASSWORD": self.password}
        subprocess.run([script], env={**environment, **reader}, check=True, capture_output=True)
        return self

    def environment(self, role, database="dbproof"):
        return {**os.environ, "PATH": f"{self.binaries}:{os.environ['PATH']}", "PGHOST": "127.0.0.1",
                "PGPORT": str(self.port), "PGUSER": role, "PGDATABASE": database, "PGPASSWORD": self.password}

    def psql(self, sql, environment):
        done = subprocess.run(["psql", "-X", "--csv", "-v", "ON_ERROR_STOP=1", "-c", sql], env=environment,
                              check=True, capture_output=True, text=True)
        return done.stdout

    def rows(self, sql):
        """The header and the rows, as Grafana's role reads them."""
        text = self.psql(sql, self.environment("grafana"))
        # A single column that is empty is an empty line.
        return [row or [""] for row in csv.reader(io.StringIO(text))]

    def __exit__(self, *_):
        if self.process:
            # SIGINT: a fast shutdown, which does not wait for sessions.
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
        shutil.rmtree(self.data, ignore_errors=True)


class Prometheus:
    """Scrapes the file as node_exporter's textfile collector would serve it."""

    def __init__(self, binaries, folder, metrics):
        self.port = free_port()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(metrics.read_bytes())

            def log_message(self, *_):
                pass

        self.target = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        config = folder / "prometheus.yml"
        config.write_text(json.dumps({
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
            "scrape_configs": [{"job_name": "dbproof", "static_configs": [
                {"targets": [f"127.0.0.1:{self.target.server_port}"]}]}],
        }))
        checked = pathlib.Path(__file__).resolve().parents[2] / "docker/prometheus/prometheus.yml"
        subprocess.run([binaries / "promtool", "check", "config", checked], check=True, capture_output=True)
        self.command = [binaries / "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder}/tsdb",
                        f"--web.listen-address=127.0.0.1:{self.port}"]

    def __enter__(self):
        threading.Thread(target=self.target.serve_forever, daemon=True).start()
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        try:
            wait_until("Prometheus has scraped", lambda: self.query("dbproof_run_info"), self.process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def query(self, expression):
        url = f"http://127.0.0.1:{self.port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(url) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            if error.code == 503:  # it is starting
                return []
            raise subprocess.CalledProcessError(1, "promql", stderr=error.read().decode()) from None
        except OSError:
            return []

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.target.shutdown()
