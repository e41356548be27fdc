//! What promtool and a real Prometheus make of `dbproof export --to prometheus=FILE`.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::exporting::RECORD;
use crate::project::{Shop, wait_until};

/// The folder of Prometheus's programs; they are brought where they are missing.
fn programs() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/ensure-prometheus");
    let output = Command::new(script)
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "Prometheus cannot be brought");
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// A Prometheus that scrapes one target five times a second, and ends with the test.
struct Prometheus {
    process: Child,
    port: u16,
}

impl Prometheus {
    fn start(folder: &Path, target: u16) -> Self {
        // Nobody listens there once this is dropped, and Prometheus says nothing of a port of its choice.
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = folder.join("prometheus.yml");
        fs::write(
            &config,
            format!(
                "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
                 scrape_configs:\n- job_name: dbproof\n  honor_labels: true\n  \
                 static_configs: [{{targets: ['127.0.0.1:{target}']}}]\n"
            ),
        )
        .unwrap();
        let log = fs::File::create(folder.join("prometheus.log")).unwrap();
        let process = Command::new(programs().join("prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Prometheus { process, port }
    }

    /// The samples of an expression, as their labels and values; empty as long as it does not answer.
    fn query(&self, expression: &str) -> Vec<(Value, f64)> {
        let mut encoded = String::new();
        for byte in expression.bytes() {
            write!(encoded, "%{byte:02x}").unwrap();
        }
        let Some(body) = get(self.port, &format!("/api/v1/query?query={encoded}")) else {
            return Vec::new();
        };
        let Ok(answer) = serde_json::from_str::<Value>(&body) else {
            return Vec::new();
        };
        let samples = answer["data"]["result"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let value = |sample: &Value| sample["value"][1].as_str().unwrap().parse().unwrap();
        samples
            .iter()
            .map(|sample| (sample["metric"].clone(), value(sample)))
            .collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
}

/// Serves the file, as it is whenever it is asked for, until the test process ends.
fn serve(file: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).unwrap();
            let text = fs::read_to_string(&file).unwrap();
            write!(
                stream,
                "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n{text}"
            )
            .ok();
        }
    });
    port
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    let shop = Shop::new();
    let promtool = programs().join("promtool");
    let watched = include_str!("../../../dbproof-report/tests/it/watch.json");
    for record in [RECORD, watched] {
        shop.write("record.json", record);
        let run = shop.run(&["export", "record.json", "--to", "prometheus=a.prom"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let metrics = fs::File::open(shop.path("a.prom")).unwrap();
        let check = Command::new(&promtool)
            .args(["check", "metrics"])
            .stdin(metrics)
            .output();
        let check = check.unwrap();
        let told = String::from_utf8_lossy(&check.stdout) + String::from_utf8_lossy(&check.stderr);
        assert!(check.status.success() && told.trim().is_empty(), "{told}");
    }
}

#[test]
fn a_real_prometheus_scrapes_one_run_after_the_other() {
    let shop = Shop::new();
    let export = |record: &Value| {
        shop.write("record.json", &record.to_string());
        let run = shop.run(&["export", "record.json", "--to", "prometheus=dbproof.prom"]);
        assert_eq!(run.code, 0, "{}", run.stderr);
    };
    let mut record: Value = serde_json::from_str(RECORD).unwrap();
    record["project"] = "a \"shop\" \\ of\nours".into();
    export(&record);
    let folder = shop.temporary();
    let prometheus = Prometheus::start(&folder, serve(shop.path("dbproof.prom")));
    let latency = "dbproof_query_latency_seconds{query=\"order_history\",statistic=\"p95\"}";
    let mut found = Vec::new();
    wait_until("Prometheus has the first run", || {
        found = prometheus.query(latency);
        !found.is_empty()
    });
    let p95 = record["scenarios"]["slow"]["queries"][0]["p95_ms"]
        .as_f64()
        .unwrap();
    assert!((found[0].1 - p95 / 1000.0).abs() < 1e-12, "{found:?}");
    assert_eq!(found[0].0["project"], record["project"]);
    let over = prometheus.query(
        "dbproof_query_latency_seconds > on (project, query, statistic) dbproof_query_threshold_seconds",
    );
    assert_eq!(over.len(), 1, "{over:?}");
    assert_eq!(over[0].0["query"], "product_search");

    record["scenarios"]["slow"]["queries"][0]["p95_ms"] = 7.5.into();
    record["findings"] = serde_json::json!([]);
    export(&record);
    wait_until("Prometheus has the second run", || {
        prometheus
            .query(latency)
            .first()
            .is_some_and(|(_, value)| (value - 0.0075).abs() < 1e-12)
    });
    // What the second run did not find is no longer there.
    wait_until("the findings are gone", || {
        prometheus.query("dbproof_findings").is_empty()
    });
    assert!(prometheus.query("sum(dbproof_run_findings)")[0].1 < 0.5);
    assert!(prometheus.query("up")[0].1 > 0.0);
}
