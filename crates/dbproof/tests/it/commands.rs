//! The commands that need no server: report, diff, explain, completions.

use serde_json::Value;

use crate::project::{Run, Shop};

#[test]
fn a_stored_record_is_drawn_again_and_compared() {
    let shop = Shop::new();
    let formats = ["--format", "json=base.json", "--format", "markdown=now.md"];
    let run = shop.run(&[&["slow"][..], &formats].concat());
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    let markdown = shop.run(&["report", "base.json", "--format", "markdown"]);
    assert_eq!(markdown.stdout, shop.read("now.md"));
    let html = shop.run(&["report", "base.json", "--format", "html"]);
    assert!(html.stdout.contains("order_history"));
    assert_eq!(shop.run(&["diff", "base.json", "base.json"]).code, 0);

    let mut worse: Value = serde_json::from_str(&shop.read("base.json")).unwrap();
    worse["findings"] = serde_json::json!([{
        "code": "slow-query", "severity": "error", "scenario": "slow", "subject": "order_history",
        "title": "slow", "message": "slower than before", "location": null, "evidence": {},
        "remedy": null,
    }]);
    shop.write("head.json", &worse.to_string());
    let diff = shop.run(&["diff", "base.json", "head.json"]);
    assert_eq!(diff.code, 1, "{}", diff.stdout);
    assert!(
        diff.stdout.contains("slower than before"),
        "{}",
        diff.stdout
    );
    assert_eq!(
        shop.run(&["diff", "base.json", "head.json", "--fail-on", "never"])
            .code,
        0
    );
}

#[test]
fn a_file_that_is_no_record_is_refused() {
    let shop = Shop::new();
    shop.write("broken.json", "{\"schema\": \"dbproof.run/9\"}");
    shop.run(&["report", "broken.json"])
        .failed_with(2, &["broken.json", "dbproof.run/9"]);
    shop.run(&["report", "absent.json"])
        .failed_with(2, &["absent.json"]);
}

#[test]
fn every_finding_has_a_page() {
    let shop = Shop::new();
    let list = shop.run(&["explain"]);
    let codes: Vec<&str> = list
        .stdout
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert!(
        codes.len() > 10 && codes.contains(&"n-plus-one"),
        "{}",
        list.stdout
    );
    for code in codes {
        let page = shop.run(&["explain", code]);
        assert!(
            page.code == 0 && page.stdout.starts_with(&format!("# {code}\n")),
            "{code}"
        );
    }
}

#[test]
fn completions_are_made() {
    let run = Shop::new().run(&["completions", "bash"]);
    assert!(run.stdout.contains("nplusone") && run.code == 0);
}

#[test]
fn colour_needs_a_terminal_or_a_wish() {
    let shop = Shop::new().with_only_query("-- name: one\nSELECT 1;\n");
    assert!(!shop.run(&["slow"]).stdout.contains('\u{1b}'));
    let wished = Run::new(
        &shop
            .command(&["slow", "--color", "always"])
            .output()
            .unwrap(),
    );
    assert!(wished.stdout.contains('\u{1b}'));
    assert_eq!(wished.stderr, "", "no progress without a terminal");
}

#[test]
fn every_format_is_made_of_a_stored_record() {
    let shop = Shop::new();
    shop.run(&["slow", "--format", "json=r.json"]);
    for (format, start) in [
        ("junit", "<?xml"),
        ("sarif", "{"),
        ("gitlab", "["),
        ("benchmark", "["),
        ("json", "{"),
    ] {
        let run = shop.run(&["report", "r.json", "--format", format]);
        assert!(run.code == 0 && run.stdout.starts_with(start), "{format}");
    }
    let help = shop.run(&["report", "--help"]);
    for format in dbproof_report_formats() {
        assert!(help.stdout.contains(format), "{format} is not in the help");
    }
}

/// The names as the error for an unknown one lists them.
fn dbproof_report_formats() -> Vec<&'static str> {
    use dbproof_report::formats::Document as _;
    let formats = dbproof_model::RunRecord::FORMATS.iter();
    formats.map(|format| format.name).collect()
}

#[test]
fn annotations_may_follow_a_terminal_report_and_nothing_else() {
    let shop = Shop::new().with_only_query("-- name: one\n-- threshold_ms: 0.00001\nSELECT 1;\n");
    let run = shop.run(&["slow", "--format", "github", "--format", "terminal"]);
    let (report, annotations) = run.stdout.split_once("\n::error ").expect(&run.stdout);
    assert!(report.contains("Summary: fail") && annotations.contains("slow-query"));
    assert_eq!(run.code, 1);
    shop.run(&["slow", "--format", "github", "--format", "json"])
        .failed_with(2, &["standard output"]);
}

#[test]
fn the_summary_of_a_step_is_appended_to_within_its_limit() {
    let shop = Shop::new().with_only_query("-- name: one\nSELECT 1;\n");
    let run = |before: usize| {
        shop.write("summary.md", &"x".repeat(before));
        let mut command = shop.command(&["slow", "--format", "github"]);
        command.env("GITHUB_STEP_SUMMARY", shop.path("summary.md"));
        let run = Run::new(&command.output().unwrap());
        assert_eq!(run.code, 0, "{}", run.stderr);
        shop.read("summary.md")
    };
    assert!(run(5).starts_with("xxxxx## dbproof: pass"));
    assert_eq!(
        run(1024 * 1024).len(),
        1024 * 1024,
        "nothing of a full one is lost"
    );
    let tight = run(1024 * 1024 - 600);
    assert!(tight.len() <= 1024 * 1024 && tight.contains("left out"));
}

#[test]
fn the_history_is_read_from_folders_and_files() {
    let shop = Shop::new().with_only_query("-- name: one\nSELECT 1;\n");
    for name in ["runs/a.json", "runs/b.json", "head.json"] {
        shop.run(&["slow", "--format", &format!("json={name}")]);
    }
    shop.write("runs/broken.json", "{");
    shop.write("runs/other.json", "{\"schema\": \"dbproof.diff/1\"}");
    let run = shop.run(&[
        "report",
        "head.json",
        "--history",
        "runs",
        "--history",
        "runs/a.json",
        "--format",
        "markdown",
    ]);
    assert!(run.stdout.contains("3 runs since"), "{}", run.stdout);
    assert!(
        run.stderr.contains("broken.json is left out"),
        "{}",
        run.stderr
    );
    shop.run(&["report", "head.json", "--history", "runs/broken.json"])
        .failed_with(2, &["broken.json"]);
    shop.run(&["report", "head.json", "--history", "absent"])
        .failed_with(2, &["absent"]);
}

#[test]
fn what_is_no_longer_decided_is_no_pass_of_a_diff() {
    let shop = Shop::new();
    shop.run(&["slow", "--format", "json=base.json"]);
    let mut undecided: Value = serde_json::from_str(&shop.read("base.json")).unwrap();
    undecided["verdict"] = "inconclusive".into();
    undecided["scenarios"]["slow"]["verdict"] = "inconclusive".into();
    undecided["scenarios"]["slow"]["queries"][0]["verdict"] = "inconclusive".into();
    shop.write("head.json", &undecided.to_string());
    let diff = shop.run(&["diff", "base.json", "head.json", "--format", "json"]);
    assert_eq!(diff.code, 4, "{}", diff.stdout);
    assert!(diff.stdout.contains("\"change\": \"undecided\""));
    shop.run(&["diff", "base.json", "head.json", "--format", "sarif"])
        .failed_with(2, &["terminal, json, markdown, html"]);
}
