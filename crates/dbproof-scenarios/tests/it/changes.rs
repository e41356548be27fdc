//! The corpus of changes: what each does to a query, judged by the real `regress` scenario.
//!
//! Every folder of `tests/changes` is a case, and adding one is all that a new case takes:
//!
//! | file | holds |
//! |---|---|
//! | `base.sql` | the schema with its rows |
//! | `query.sql` | the monitored query |
//! | `hurt.sql` | a migration after `base` that hurts the query |
//! | `harmless.sql` | its neighbour after `base`, which looks like it and does no harm |
//! | `cure.sql` | a migration after `base` and `hurt` that makes it good |
//! | `expect.toml` | the reason that must be given, and what differs from the usual: [`Expect`] |
//!
//! `CHANGE=part_of_a_name` runs some of them, and `--no-capture` shows all verdicts.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use dbproof_model::{Finding, RegressQuery, Scenario, Severity};
use dbproof_postgres::{Binaries, EphemeralServer, connect};
use dbproof_scenarios::project::Project;
use dbproof_scenarios::{DeadlockChoice, RunOptions, ServerChoice, Silent};
use serde::Deserialize;

/// Few samples: what decides here is the same in every run.
const CONFIGURATION: &str =
    "[regress]\nbudget_s = 0\nsessions = 2\npairs = 2\nlock_limit_ms = 1e9\n";

/// What a case expects. Whatever is left out is as usual.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// The code of a finding about the migration that hurts.
    reason: String,
    /// What that finding's message names.
    mentions: String,
    /// The verdict of the harmless neighbour.
    #[serde(default = "unchanged")]
    harmless: String,
    /// Servers older than this major version are passed over.
    #[serde(default)]
    since: u32,
    /// On this major version and newer ones the server knows how to help itself, so that nothing is
    /// regressed and nothing to be cured.
    until: Option<u32>,
}

fn unchanged() -> String {
    "unchanged".to_owned()
}

/// One of the three migrations of a case.
struct Judged {
    query: RegressQuery,
    findings: Vec<Finding>,
}

impl Judged {
    fn verdict(&self) -> &'static str {
        self.query.verdict.as_str()
    }

    fn errors(&self) -> impl Iterator<Item = &Finding> {
        self.findings
            .iter()
            .filter(|finding| finding.severity == Severity::Error)
    }

    /// Everything that is said about it, for a failed test.
    fn told(&self) -> String {
        let mut told = format!("{}: {}\n", self.verdict(), self.query.reasons.join("; "));
        for finding in &self.findings {
            let severity = finding.severity.as_str();
            writeln!(
                told,
                "      {severity} {}: {}",
                finding.code, finding.message
            )
            .unwrap();
        }
        told
    }
}

/// A case's folder, and where its project is put together.
struct Case {
    folder: PathBuf,
    name: String,
    expect: Expect,
}

impl Case {
    fn read(folder: PathBuf) -> Self {
        let text = fs::read_to_string(folder.join("expect.toml")).unwrap();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let expect = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        Case {
            folder,
            name,
            expect,
        }
    }

    async fn judge(&self, base: &[&str], change: &str, url: &str) -> Judged {
        let project = tempfile::tempdir().unwrap();
        let copy = |from: &str, to: &Path| {
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(self.folder.join(format!("{from}.sql")), to).unwrap();
        };
        for (number, name) in base.iter().chain([&change]).enumerate() {
            let file = project
                .path()
                .join(format!("migrations/{number}_{name}.sql"));
            copy(name, &file);
        }
        copy("query", &project.path().join("queries/query.sql"));
        let configuration = project.path().join("dbproof.toml");
        fs::write(&configuration, CONFIGURATION).unwrap();
        let options = RunOptions {
            project: Project::open(&configuration).unwrap(),
            scenarios: vec![Scenario::Regress],
            server: ServerChoice::Url(url.to_owned()),
            in_place: false,
            seed: 7,
            keep_values: false,
            threshold: None,
            change: None,
            deadlock: DeadlockChoice::default(),
            trace: None,
            cleaner: None,
        };
        let record = dbproof_scenarios::run(&options, &Silent)
            .await
            .unwrap_or_else(|error| panic!("{}, {change}: {error}", self.name));
        Judged {
            query: record.scenarios.regress.unwrap().queries.remove(0),
            findings: record.findings,
        }
    }

    /// Runs the three migrations; says what is not as expected.
    async fn check(&self, url: &str) -> Result<String, String> {
        let hurt = self.judge(&["base"], "hurt", url).await;
        let harmless = self.judge(&["base"], "harmless", url).await;
        let cure = self.judge(&["base", "hurt"], "cure", url).await;
        let expect = &self.expect;
        let reason = hurt
            .findings
            .iter()
            .any(|f| f.code == expect.reason && f.message.contains(&expect.mentions));
        let as_expected = [
            (hurt.verdict() == "regressed" && reason, "hurt", &hurt),
            (
                harmless.verdict() == expect.harmless && harmless.errors().count() == 0,
                "harmless",
                &harmless,
            ),
            (
                cure.verdict() == "improved" && cure.errors().count() == 0,
                "cure",
                &cure,
            ),
        ];
        let wrong: Vec<String> = as_expected
            .iter()
            .filter(|(as_expected, ..)| !as_expected)
            .map(|(_, which, judged)| format!("{}, {which}: {}", self.name, judged.told()))
            .collect();
        if wrong.is_empty() {
            let verdicts = as_expected.map(|(.., judged)| judged.verdict()).join(", ");
            Ok(format!("{}: {verdicts} ({})", self.name, expect.reason))
        } else {
            Err(wrong.join("    "))
        }
    }
}

fn cases(major: u32) -> Vec<Case> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/changes");
    let chosen = std::env::var("CHANGE").unwrap_or_default();
    let mut cases: Vec<Case> = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| Case::read(entry.unwrap().path()))
        .filter(|case| case.name.contains(&chosen))
        .filter(|case| {
            let until = case.expect.until.unwrap_or(u32::MAX);
            (case.expect.since..until).contains(&major)
        })
        .collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!cases.is_empty(), "no change is named `{chosen}`");
    cases
}

/// A role of its own, since nobody knows the password of the server's first one.
async fn url_of(server: &EphemeralServer) -> String {
    let session = connect(server.address()).await.unwrap();
    let role = "CREATE ROLE ann LOGIN SUPERUSER PASSWORD 's3cret'";
    session.run(role).await.unwrap();
    // Blocks and rows are the same whether or not they would survive a crash.
    for setting in [
        "fsync = off",
        "full_page_writes = off",
        "max_wal_size = '8GB'",
    ] {
        let change = format!("ALTER SYSTEM SET {setting}");
        session.run(&change).await.unwrap();
    }
    session.run("SELECT pg_reload_conf()").await.unwrap();
    session.close().await;
    let file = server.folder().join("data/postmaster.pid");
    let text = fs::read_to_string(file).unwrap();
    let port = text.lines().nth(3).unwrap();
    format!("postgres://ann:s3cret@127.0.0.1:{port}/postgres")
}

/// How many tests share the corpus, so that several run at the same time.
const PARTS: usize = 4;

/// Every [`PARTS`]th case from `part` on, each judged on a server of this test's own.
async fn check_part(part: usize) {
    let chosen = std::env::var_os("DBPROOF_PG_BIN").map(PathBuf::from);
    let binaries = Binaries::find(chosen.as_deref()).expect("PostgreSQL server binaries");
    let server = EphemeralServer::start(&binaries).await.unwrap();
    let url = url_of(&server).await;
    let mut wrong = Vec::new();
    for case in cases(binaries.version.major)
        .iter()
        .skip(part)
        .step_by(PARTS)
    {
        let began = Instant::now();
        match Box::pin(case.check(&url)).await {
            Ok(verdicts) => println!("{verdicts}, {:.1} s", began.elapsed().as_secs_f64()),
            Err(told) => {
                println!("{told}");
                wrong.push(told);
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test]
async fn every_change_is_judged_as_its_folder_says_part_1() {
    Box::pin(check_part(0)).await;
}

#[tokio::test]
async fn every_change_is_judged_as_its_folder_says_part_2() {
    Box::pin(check_part(1)).await;
}

#[tokio::test]
async fn every_change_is_judged_as_its_folder_says_part_3() {
    Box::pin(check_part(2)).await;
}

#[tokio::test]
async fn every_change_is_judged_as_its_folder_says_part_4() {
    Box::pin(check_part(3)).await;
}
