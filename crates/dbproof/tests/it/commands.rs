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
