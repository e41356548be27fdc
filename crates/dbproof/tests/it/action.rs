//! The scripts that `action.yml` runs, on the sample shop, in the order of its steps.
//!
//! Of GitHub only the comments are pretended: a `gh` that keeps them in a file.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::project::Shop;

/// Reads and writes comments as GitHub's API does: a list by `GET`, one more by `POST`, another text by
/// `PATCH`. They lie in a folder, one file each.
const GH: &str = r#"#!/bin/sh
set -eu
[ "${GH_REFUSES:-}" = 1 ] && { echo "HTTP 403" >&2; exit 1; }
body= method=GET
for argument; do
    case $argument in
        PATCH | POST) method=$argument ;;
        body=@*) body=${argument#body=@} ;;
        */issues/comments/*) number=${argument##*/} ;;
    esac
done
mkdir -p "$GH_COMMENTS"
case $method in
    GET)
        for file in "$GH_COMMENTS"/*; do
            [ -f "$file" ] || continue
            [ "$(head -n 1 "$file")" = "$MARK" ] && echo "${file##*/}"
        done
        true
        ;;
    POST) cp "$body" "$GH_COMMENTS/$(ls "$GH_COMMENTS" | wc -l)" ;;
    PATCH) cp "$body" "$GH_COMMENTS/$number" ;;
esac
"#;

/// A runner's folders, and what the steps hand on.
struct Runner {
    folder: tempfile::TempDir,
    told: BTreeMap<String, String>,
    branch: &'static str,
}

impl Runner {
    fn new(shop: &Shop) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let gh = folder.path().join("bin/gh");
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::write(&gh, GH).unwrap();
        fs::set_permissions(&gh, fs::Permissions::from_mode(0o755)).unwrap();
        let mut runner = Runner {
            folder,
            told: BTreeMap::new(),
            branch: "main",
        };
        runner.step(shop, "where", &[]);
        runner
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script and takes over what it tells through `GITHUB_OUTPUT`.
    fn step(&mut self, shop: &Shop, script: &str, more: &[(&str, &str)]) -> String {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let outputs = self.at("outputs");
        fs::write(&outputs, "").unwrap();
        let path = format!(
            "{}:{}",
            self.at("bin").display(),
            std::env::var("PATH").unwrap()
        );
        let told = |name: &str| self.told.get(name).cloned().unwrap_or_default();
        let output: Output = Command::new(root.join("scripts/ci").join(script))
            .current_dir(shop.path("."))
            .env_remove("DATABASE_URL")
            .env("TMPDIR", shop.temporary())
            .env("PATH", path)
            .env("ACTION", &root)
            .env("NAME", "the shop")
            .env("BRANCH", self.branch)
            .env("BINARY", env!("CARGO_BIN_EXE_dbproof"))
            .env("DBPROOF", env!("CARGO_BIN_EXE_dbproof"))
            .env("RUNNER_TEMP", self.at("temp"))
            .env("RUN_URL", "https://ci.example/runs/7")
            .env("GITHUB_OUTPUT", &outputs)
            .env("GITHUB_REPOSITORY", "acme/shop")
            .env("GITHUB_SHA", "0123456789abcdef")
            .env("GITHUB_STEP_SUMMARY", self.at("summary.md"))
            .env("GH_COMMENTS", self.at("comments"))
            .env("PULL_REQUEST", "12")
            .env("OUT", told("out"))
            .env("RECORDS", told("records"))
            .env("BODY", told("comment"))
            .envs(more.iter().copied())
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {stderr}");
        let lines = fs::read_to_string(&outputs).unwrap();
        for line in lines.lines() {
            let (name, value) = line.split_once('=').expect(line);
            self.told.insert(name.to_owned(), value.to_owned());
        }
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn comments(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.at("comments")) else {
            return Vec::new();
        };
        entries
            .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect()
    }
}

#[test]
fn a_pull_request_is_told_what_changed() {
    let shop = Shop::new();
    let mut runner = Runner::new(&shop);
    assert_eq!(runner.told["records-key"], "dbproof-records-the_shop-main");

    // The first pull request has nothing to be compared with.
    let slow = [("ARGS", "slow --fail-on error")];
    let stdout = runner.step(&shop, "run", &slow);
    assert!(stdout.contains("Summary: pass"), "{stdout}");
    assert_eq!(runner.told["exit-code"], "0");
    runner.step(&shop, "delta", &[]);
    runner.step(&shop, "comment", &[]);
    let [comment] = runner.comments().try_into().unwrap();
    assert!(comment.starts_with("<!-- dbproof: the shop -->\n## dbproof\n"));
    assert!(
        comment.contains("no record of main to compare with"),
        "{comment}"
    );
    assert!(comment.contains("https://ci.example/runs/7"));

    // What the base branch keeps, the next one is compared with; its comment takes the old one's place.
    runner.step(&shop, "keep", &[]);
    let slow_query = "-- name: zz_added\n-- threshold_ms: 1\nSELECT pg_sleep(0.02);\n";
    shop.write("queries/zz_added.sql", slow_query);
    let stdout = runner.step(&shop, "run", &slow);
    assert!(
        stdout.contains("::error file=queries/zz_added.sql,line=1"),
        "{stdout}"
    );
    assert_eq!(runner.told["exit-code"], "1");
    runner.step(&shop, "delta", &[]);
    runner.step(&shop, "comment", &[]);
    let [comment] = runner.comments().try_into().unwrap();
    assert!(comment.contains("## dbproof: what changed"), "{comment}");
    assert!(
        comment.contains("| **new** | **error** | `slow-query` | `zz_added` |"),
        "{comment}"
    );
    let out = PathBuf::from(&runner.told["out"]);
    for file in [
        "record.json",
        "report.html",
        "report.junit.xml",
        "delta.html",
        "delta.json",
    ] {
        assert!(fs::metadata(out.join(file)).unwrap().len() > 0, "{file}");
    }
    let html = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.contains("2 runs since"), "the report has the history");
    let summary = fs::read_to_string(runner.at("summary.md")).unwrap();
    assert_eq!(
        summary.matches("## dbproof: ").count(),
        2,
        "one a run, appended"
    );
}

#[test]
fn a_token_that_may_not_comment_fails_nothing() {
    let shop = Shop::new();
    let mut runner = Runner::new(&shop);
    fs::write(runner.at("body"), "text").unwrap();
    let body = runner.at("body").display().to_string();
    let stdout = runner.step(&shop, "comment", &[("GH_REFUSES", "1"), ("BODY", &body)]);
    assert!(stdout.starts_with("::warning title=dbproof::"), "{stdout}");
}

#[test]
fn a_run_that_could_not_begin_leaves_no_record_and_its_code() {
    let shop = Shop::new();
    let mut runner = Runner::new(&shop);
    shop.write("dbproof.toml", "[slow]\nsample = 3\n");
    runner.step(&shop, "run", &[("ARGS", "slow")]);
    assert_eq!(runner.told["exit-code"], "2");
    assert!(!runner.told.contains_key("record"));
    let out = PathBuf::from(&runner.told["out"]);
    assert_eq!(
        fs::read_dir(out).unwrap().count(),
        0,
        "no empty file is uploaded"
    );
}

#[test]
fn thirty_records_are_kept() {
    let shop = Shop::new();
    let mut runner = Runner::new(&shop);
    let records = PathBuf::from(&runner.told["records"]);
    let out = PathBuf::from(&runner.told["out"]);
    fs::create_dir_all(&records).unwrap();
    fs::create_dir_all(&out).unwrap();
    fs::write(out.join("record.json"), "{}").unwrap();
    for day in 10..50 {
        fs::write(records.join(format!("20200101T0000{day}Z-a.json")), "{}").unwrap();
    }
    runner.step(&shop, "keep", &[]);
    let mut names: Vec<String> = fs::read_dir(&records)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names.len(), 30);
    assert!(names[29].ends_with("Z-0123456789ab.json"), "{names:?}");
    assert_eq!(names[0], "20200101T000021Z-a.json");
}

#[test]
fn the_plain_example_keeps_records_and_compares() {
    let shop = Shop::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let program = Path::new(env!("CARGO_BIN_EXE_dbproof")).parent().unwrap();
    shop.write(
        "dbproof.toml",
        &shop.read("dbproof.toml").replace("runs = 3", "runs = 2"),
    );
    for folder in ["pages", "deadlocks"] {
        fs::remove_dir_all(shop.path(folder)).unwrap();
    }
    let run = || {
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let output = Command::new(root.join("examples/ci/plain.sh"))
            .current_dir(shop.path("."))
            .env("PATH", path)
            .env("TMPDIR", shop.temporary())
            .env_remove("DATABASE_URL")
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned()
                + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (first, told) = run();
    assert!(matches!(first, Some(0 | 4)), "{first:?}: {told}");
    let record: Value = serde_json::from_str(&shop.read("dbproof-output/record.json")).unwrap();
    assert_eq!(record["configuration"], "dbproof.toml");
    // What a run of a noisy machine does not decide is not kept; a second run must not trip over it.
    let (second, told) = run();
    assert!(matches!(second, Some(0 | 4)), "{second:?}: {told}");
    if first == Some(0) {
        assert!(
            shop.read("dbproof-output/delta.md")
                .starts_with("## dbproof: what changed")
        );
    }
    assert!(
        shop.read("dbproof-output/report.html")
            .contains("id=\"history\"")
    );
}
