//! What holding plans against accepted ones costs beside the server's own time.
//!
//! Every query is explained three times, as `regress` does; what is measured is everything that
//! baselines add to that: reading the files, taking from the plan what is kept, comparing, concluding.
//! Arguments: the number of queries (default 1000), and the one shape that they are all to have.
//! Not part of the tests: `make bench-baselines`.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use dbproof_analysis::baseline::{self, Today};
use dbproof_analysis::plan;
use dbproof_analysis::regression::{Side, Tolerances};
use dbproof_model::{
    Baseline, BaselineBase, BaselineSet, BaselineVerdict, BaselinesRecord, PlanNames,
};
use dbproof_postgres::explain::{Mode, explain};
use dbproof_postgres::{Binaries, EphemeralServer, Session, catalog, connect};
use dbproof_scenarios::project::{MonitoredQuery, Project};
use serde_json::Value;

/// EXPLAIN runs of each query; the last counts.
const RUNS: usize = 3;

const SCHEMA: &str = "
    CREATE TABLE users (id bigint PRIMARY KEY, email text UNIQUE, country text);
    CREATE TABLE orders (id bigint PRIMARY KEY, user_id bigint REFERENCES users (id), status text,
                         total numeric(10, 2), created_at timestamptz);
    CREATE TABLE items (order_id bigint REFERENCES orders (id), product int, quantity int,
                        PRIMARY KEY (order_id, product));
    INSERT INTO users SELECT i, 'user' || i || '@example.org', 'C' || i % 50
        FROM generate_series(1, 5000) i;
    INSERT INTO orders SELECT i, 1 + i * 7919 % 5000, (ARRAY['paid', 'open', 'sent'])[1 + i % 3],
        i % 500, timestamptz '2025-01-01' + i * interval '1 minute' FROM generate_series(1, 50000) i;
    INSERT INTO items SELECT i, p, 1 + (i + p) % 5
        FROM generate_series(1, 50000) i, generate_series(1, 2) p;
    CREATE INDEX ON orders (user_id, created_at);
    CREATE INDEX ON orders (status) WHERE status = 'open';";

/// Statements as an application has them, from a key's lookup to a report; `{n}` makes each another.
const SHAPES: &[(&str, &str)] = &[
    (
        "lookup",
        "SELECT id, country, {n} FROM users WHERE email = 'user' || {n} || '@example.org'",
    ),
    (
        "history",
        "SELECT id, status, total, {n} FROM orders WHERE user_id = {n} \
                 ORDER BY created_at DESC LIMIT 20",
    ),
    (
        "details",
        "SELECT o.id, i.product, i.quantity FROM orders o JOIN items i ON i.order_id = o.id \
                 WHERE o.id BETWEEN {n} AND {n} + 20",
    ),
    (
        "page",
        "SELECT u.email, o.total FROM users u JOIN orders o ON o.user_id = u.id \
              WHERE u.country = 'C' || {n} % 50 ORDER BY o.total DESC LIMIT 10",
    ),
    (
        "report",
        "SELECT status, count(*), sum(total) FROM orders WHERE total > {n} % 400 GROUP BY 1",
    ),
];

/// What one way through all queries took.
#[derive(Default)]
struct Times {
    /// The server's planning and execution, as EXPLAIN says.
    server: Duration,
    /// The calls as the client waits for them.
    calls: Duration,
    observe: Duration,
    files: Duration,
    compare: Duration,
}

fn main() {
    let count = std::env::args()
        .skip(1)
        .find_map(|a| a.parse().ok())
        .unwrap_or(1000);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let named = |argument: &String| SHAPES.iter().any(|(name, _)| name == argument);
    let shape = std::env::args().skip(1).find(named);
    runtime.block_on(measure(count, shape.as_deref()));
}

async fn measure(count: usize, shape: Option<&str>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let queries = write_project(folder.path(), count, shape);
    let binaries = std::env::var_os("DBPROOF_PG_BIN").map(Into::into);
    let binaries: Option<std::path::PathBuf> = binaries;
    let binaries = Binaries::find(binaries.as_deref()).expect("a server's programs");
    let server = EphemeralServer::start(&binaries).await.expect("a server");
    let session = connect(server.address()).await.expect("a session");
    session.run(SCHEMA).await.expect("a schema");
    session.run("VACUUM (ANALYZE)").await.expect("statistics");
    let names = catalog::plan_names(&session).await.expect("names");
    let project = Project::open(&folder.path().join("dbproof.toml")).expect("a project");

    let mut times = Times::default();
    let taken = take(&session, &names, &queries, &mut times).await;
    fs::create_dir(folder.path().join("baselines")).expect("a folder");
    for baseline in &taken {
        let path = format!("baselines/{}.plan", baseline.query);
        fs::write(folder.path().join(path), baseline::render(baseline)).expect("a file");
    }
    // The second way through is the one that counts: everything is warm, and there are files.
    let mut times = Times::default();
    let taken = take(&session, &names, &queries, &mut times).await;
    check(&project, &queries, &taken, &mut times);
    session.close().await;
    print(count, &catalog_version(server.address()).await, &times);
}

async fn catalog_version(address: &dbproof_postgres::Address) -> String {
    let session = connect(address).await.expect("a session");
    let version = catalog::version(&session).await.expect("a version");
    session.close().await;
    version
}

fn write_project(folder: &Path, count: usize, shape: Option<&str>) -> Vec<MonitoredQuery> {
    let wanted = |(name, _): &&(&str, &str)| shape.is_none_or(|shape| shape == *name);
    let shapes: Vec<&(&str, &str)> = SHAPES.iter().filter(wanted).collect();
    fs::write(folder.join("dbproof.toml"), "").expect("a file");
    fs::create_dir(folder.join("queries")).expect("a folder");
    for n in 0..count {
        let (name, sql) = shapes[n % shapes.len()];
        let sql = sql.replace("{n}", &(n + 1).to_string());
        let text = format!("-- name: {name}_{n}\n{sql};\n");
        fs::write(folder.join(format!("queries/{n}.sql")), text).expect("a file");
    }
    let project = Project::open(&folder.join("dbproof.toml")).expect("a project");
    project.queries().expect("queries")
}

/// Explains every query and takes from its plan what is kept.
async fn take(
    session: &Session,
    names: &PlanNames,
    queries: &[MonitoredQuery],
    times: &mut Times,
) -> Vec<Baseline> {
    let mut taken = Vec::with_capacity(queries.len());
    for monitored in queries {
        let query = &monitored.query;
        let mut explained = Value::Null;
        for _ in 0..RUNS {
            let began = Instant::now();
            explained = explain(session, &query.sql, &[], Mode::Analyze)
                .await
                .expect("a plan");
            times.calls += began.elapsed();
            let ms = |key: &str| explained[0][key].as_f64().expect("a time");
            let server = ms("Planning Time") + ms("Execution Time");
            times.server += Duration::from_secs_f64(server / 1000.0);
        }
        let began = Instant::now();
        let mut tree = plan::parse(&explained).expect("a plan");
        plan::resolve(&mut tree, names);
        let row_count = tree.root.actual_rows.unwrap_or_default();
        let side = Side {
            plan: tree,
            row_count,
            rows_digest: None,
            statement: None,
        };
        let follows_clock = baseline::follows_clock(&query.sql);
        taken.push(Baseline {
            query: query.name.clone(),
            statement: baseline::statement(query),
            base: base(),
            sets: vec![BaselineSet {
                label: "typical".to_owned(),
                plan: baseline::observe(&side, &[], follows_clock),
            }],
        });
        times.observe += began.elapsed();
    }
    taken
}

fn base() -> BaselineBase {
    BaselineBase {
        server: "postgresql".to_owned(),
        collation: "C".to_owned(),
        seed: 42,
        scale: 1.0,
        data: None,
        settings: std::collections::BTreeMap::new(),
        relations: std::collections::BTreeMap::new(),
    }
}

/// Reads the files, and holds every query against its own.
fn check(project: &Project, queries: &[MonitoredQuery], taken: &[Baseline], times: &mut Times) {
    let began = Instant::now();
    let accepted = project.accepted_plans().expect("accepted plans");
    times.files = began.elapsed();
    let began = Instant::now();
    let checked = taken.iter().zip(queries).map(|(now, monitored)| {
        let query = &monitored.query;
        let today = Today {
            query: &query.name,
            location: Some(query.location.clone()),
            file: accepted.file_of(&query.name),
            after: Some(now.clone()),
            before: None,
            under_test: false,
            follows_clock: false,
            wavering: Vec::new(),
        };
        let was = accepted.of(&query.name).map(|accepted| &accepted.baseline);
        baseline::check(was, &today, &Tolerances::default())
    });
    let queries_checked = checked.collect();
    let names = queries
        .iter()
        .map(|monitored| monitored.query.name.as_str());
    let unused = accepted
        .unused(names)
        .iter()
        .map(|file| file.name.clone())
        .collect();
    let record = BaselinesRecord {
        folder: accepted.folder.clone(),
        present: true,
        queries: queries_checked,
        unused,
    };
    let (findings, _) = baseline::conclude(&record, false);
    times.compare = began.elapsed();
    let kept = |query: &&dbproof_model::BaselineQuery| query.verdict == BaselineVerdict::Kept;
    let kept = record.queries.iter().filter(kept).count();
    assert_eq!(
        kept,
        queries.len(),
        "the same plans on the same base: {findings:#?}"
    );
}

fn print(count: usize, version: &str, times: &Times) {
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    let added = times.observe + times.files + times.compare;
    println!("PostgreSQL {version}, {count} queries, {RUNS} EXPLAIN (ANALYZE) each\n");
    println!("| what | ms | of the server's own time |");
    println!("|---|---|---|");
    for (what, time) in [
        (
            "the server's own time: planning and execution",
            times.server,
        ),
        (
            "the EXPLAIN calls, as the client waits for them",
            times.calls,
        ),
        ("baselines: the files, read and parsed", times.files),
        (
            "baselines: from EXPLAIN's JSON to what is kept",
            times.observe,
        ),
        ("baselines: comparison and findings", times.compare),
        ("baselines: all of it", added),
    ] {
        let share = ms(time) / ms(times.server) * 100.0;
        println!("| {what} | {:.1} | {share:.1} % |", ms(time));
    }
}
