//! `dbproof accept`, and `regress` against the accepted plans.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::project::Shop;
use crate::since::git;

const HISTORY: &str = "baselines/order_history.plan";
const DROP: &str = "DROP INDEX idx_orders_user_created;\n";

/// The shop with the plans of its two migrations accepted.
fn accepted() -> Shop {
    let shop = Shop::new();
    let run = shop.run(&["regress"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    let run = shop.run(&["accept"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    shop
}

/// Every file of the accepted plans.
fn files(shop: &Shop) -> BTreeMap<String, String> {
    let entries = fs::read_dir(shop.path("baselines")).unwrap();
    entries
        .map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let text = shop.read(&format!("baselines/{name}"));
            (name, text)
        })
        .collect()
}

/// What the record says of each query's accepted plan: verdict and cause.
fn verdicts(record: &Value) -> BTreeMap<&str, (&str, Option<&str>)> {
    let queries = &record["scenarios"]["regress"]["baselines"]["queries"];
    let queries = queries.as_array().unwrap().iter();
    queries
        .map(|query| {
            let verdict = query["verdict"].as_str().unwrap();
            (
                query["name"].as_str().unwrap(),
                (verdict, query["cause"].as_str()),
            )
        })
        .collect()
}

/// The findings of a code.
fn found<'a>(record: &'a Value, code: &str) -> Vec<&'a Value> {
    let findings = record["findings"].as_array().unwrap().iter();
    findings.filter(|finding| finding["code"] == code).collect()
}

fn message(finding: &Value) -> &str {
    finding["message"].as_str().unwrap()
}

#[test]
fn accepted_files_are_the_same_bytes_after_another_run() {
    let shop = Shop::new();
    assert_eq!(shop.run(&["regress"]).code, 0);
    let shown = shop.run(&["accept", "--dry-run"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    for expected in [
        "--- /dev/null",
        "+++ b/baselines/order_history.plan",
        "using btree (user_id, created_at",
    ] {
        assert!(
            shown.stdout.contains(expected),
            "{expected}\n{}",
            shown.stdout
        );
    }
    assert!(!shop.path("baselines").exists(), "a dry run writes nothing");

    let run = shop.run(&["accept"]);
    assert!(
        run.stdout
            .ends_with("5 new, 0 changed, 0 removed, 0 as they were\n")
    );
    let first = files(&shop);
    assert_eq!(first.len(), 5);
    let (code, record) = shop.record(&["regress"]);
    assert_eq!(code, 0, "{record:#}");
    assert!(
        verdicts(&record).values().all(|v| v.0 == "kept"),
        "{record:#}"
    );
    let run = shop.run(&["accept"]);
    assert_eq!(run.stdout, "0 new, 0 changed, 0 removed, 5 as they were\n");
    assert_eq!(files(&shop), first);

    // Also where nothing is there that could be kept.
    fs::remove_dir_all(shop.path("baselines")).unwrap();
    assert_eq!(shop.run(&["accept"]).code, 0);
    assert_eq!(files(&shop), first);
    shop.assert_nothing_is_left();
}

#[test]
fn a_dropped_index_regresses_until_its_plan_is_accepted() {
    let shop = accepted();
    shop.write("migrations/003_drop.sql", DROP);
    let (code, record) = shop.record(&["regress"]);
    assert_eq!(code, 1, "{record:#}");
    let findings = found(&record, "baseline-regressed");
    let subjects: Vec<&Value> = findings.iter().map(|finding| &finding["subject"]).collect();
    assert_eq!(subjects, ["order_history"], "{record:#}");
    let message = message(findings[0]);
    for expected in [
        "Seq Scan on orders",
        "blocks",
        "The change under test does it",
    ] {
        assert!(message.contains(expected), "{message}");
    }
    let verdicts = verdicts(&record);
    assert_eq!(verdicts["order_history"], ("regressed", Some("change")));
    assert_eq!(verdicts["user_lookup"], ("kept", None));

    let shown = shop.run(&["accept", "--dry-run"]).stdout;
    let files_shown = shown.lines().filter(|line| line.starts_with("+++"));
    assert_eq!(files_shown.count(), 1, "{shown}");
    assert!(shown.contains("Seq Scan on orders"), "{shown}");
    let run = shop.run(&["accept"]);
    assert!(
        run.stdout
            .contains("0 new, 1 changed, 0 removed, 4 as they were")
    );
    // Accepted with the change: it is told, and fails no longer.
    let (code, record) = shop.record(&["regress"]);
    assert_eq!(code, 0, "{record:#}");
    let lost = found(&record, "index-scan-lost");
    assert_eq!(lost[0]["severity"], "info", "{record:#}");
    assert!(self::message(lost[0]).contains(HISTORY));
}

#[test]
fn harmless_changes_and_renamed_indexes_are_kept() {
    let shop = accepted();
    let change = "COMMENT ON TABLE orders IS 'what was bought';\n\
                  ALTER INDEX idx_orders_user_created RENAME TO orders_of_a_user;\n";
    shop.write("migrations/003_harmless.sql", change);
    let (code, record) = shop.record(&["regress"]);
    assert_eq!(code, 0, "{record:#}");
    assert!(
        verdicts(&record).values().all(|v| v.0 == "kept"),
        "{record:#}"
    );
}

#[test]
fn an_edited_statement_is_not_compared_and_has_to_be_run_to_be_accepted() {
    let shop = accepted();
    let path = "queries/order_history.sql";
    let edited = shop.read(path).replace("LIMIT 20", "LIMIT 10");
    shop.write(path, &edited);
    let old = shop.read(HISTORY);
    let run = shop.run(&["accept"]);
    assert_eq!(run.code, 0);
    assert!(
        run.stderr
            .contains("order_history was edited since that run"),
        "{}",
        run.stderr
    );
    assert_eq!(shop.read(HISTORY), old);
    let (code, record) = shop.record(&["regress"]);
    assert_eq!(code, 0, "{record:#}");
    assert_eq!(
        verdicts(&record)["order_history"],
        ("statement-edited", None)
    );
    assert_eq!(found(&record, "baseline-statement-edited").len(), 1);
    let run = shop.run(&["accept", "--query", "order_history"]);
    assert!(
        run.stdout.contains("changed baselines/order_history.plan"),
        "{}",
        run.stdout
    );
    assert_ne!(shop.read(HISTORY), old);
}

#[test]
fn the_baseline_of_no_query_is_reported_and_pruned() {
    let shop = accepted();
    fs::remove_file(shop.path("queries/user_lookup.sql")).unwrap();
    shop.write(
        "queries/more.sql",
        "-- name: more\nSELECT count(*) FROM users;\n",
    );
    let (code, record) = shop.record(&["regress"]);
    assert_eq!(code, 0, "{record:#}");
    let unused = found(&record, "baseline-unused");
    assert_eq!(unused[0]["location"]["file"], "baselines/user_lookup.plan");
    let missing = found(&record, "baseline-missing");
    assert!(message(missing[0]).ends_with("1 monitored query: more"));
    let run = shop.run(&["accept"]);
    assert!(
        run.stderr.contains("`dbproof accept --prune`"),
        "{}",
        run.stderr
    );
    assert!(shop.path("baselines/user_lookup.plan").exists());
    let run = shop.run(&["accept", "--prune"]);
    assert!(
        run.stdout.contains("removed baselines/user_lookup.plan"),
        "{}",
        run.stdout
    );
    assert!(!shop.path("baselines/user_lookup.plan").exists());
}

#[test]
fn unreadable_files_are_refused_before_anything_runs() {
    let shop = accepted();
    let whole = shop.read(HISTORY);
    let (first, rest) = whole.split_once("blocks: ").unwrap();
    let conflict = format!("{first}<<<<<<< HEAD\nblocks: 1\n=======\nblocks: {rest}");
    let line = first.lines().count() + 1;
    shop.write(HISTORY, &conflict);
    let user = shop.read("baselines/user_lookup.plan");
    let cut = user.len() / 2;
    shop.write("baselines/user_lookup.plan", &user[..cut]);
    for command in ["regress", "accept"] {
        shop.run(&[command]).failed_with(
            2,
            &[
                "the file holds the marks of a merge conflict",
                &format!("{HISTORY}:{line}"),
                "git checkout --ours",
                "the file is cut off",
                "baselines/user_lookup.plan:",
            ],
        );
    }
    shop.write(HISTORY, &whole);
    shop.write("baselines/user_lookup.plan", &user);
    fs::rename(shop.path(HISTORY), shop.path("baselines/other.plan")).unwrap();
    shop.run(&["regress"]).failed_with(
        2,
        &[
            "this is the baseline of `order_history`",
            "baselines/other.plan:2",
        ],
    );
    shop.assert_nothing_is_left();
}

#[test]
fn what_the_base_did_is_not_blamed_on_the_change() {
    let shop = accepted();
    // As though it had been accepted on another server, where it touched far fewer blocks.
    let text = shop.read("baselines/daily_revenue.plan");
    let server = text
        .lines()
        .find(|line| line.starts_with("server:"))
        .unwrap();
    let elsewhere = text.replace(server, "server: postgresql 9");
    let figure = |line: &str| line.starts_with("blocks:").then_some("blocks: 1\n");
    let lines = elsewhere
        .lines()
        .map(|line| figure(line).map_or_else(|| format!("{line}\n"), str::to_owned));
    // The shop's own figure is too small to differ by the tolerance, hence its plan's shape.
    let elsewhere: String = lines.collect();
    let elsewhere = elsewhere.replace("rows: ", "rows: 9");
    shop.write("baselines/daily_revenue.plan", &elsewhere);
    shop.write(
        "migrations/003_note.sql",
        "COMMENT ON TABLE users IS 'people';\n",
    );
    let (code, record) = shop.record(&["regress"]);
    assert_eq!(code, 0, "{record:#}");
    assert_eq!(
        verdicts(&record)["daily_revenue"],
        ("regressed", Some("base"))
    );
    assert!(found(&record, "baseline-regressed").is_empty());
    let moved = found(&record, "base-moved");
    assert_eq!(moved[0]["severity"], "warning");
    assert!(
        message(moved[0]).contains("postgresql 9 → postgresql"),
        "{record:#}"
    );
    assert!(
        message(moved[0])
            .contains("Before the change under test it is not the accepted plan either")
    );
}

#[test]
fn without_a_new_migration_the_accepted_plans_decide() {
    let shop = accepted();
    git(&shop, &["init", "--quiet"]);
    let commit = || {
        git(&shop, &["add", "."]);
        git(&shop, &["commit", "--quiet", "--message", "the shop"]);
    };
    commit();
    let arguments = ["regress", "--base", "HEAD"];
    let (code, record) = shop.record(&arguments);
    assert_eq!(code, 0, "{record:#}");
    assert!(
        verdicts(&record).values().all(|v| v.0 == "kept"),
        "{record:#}"
    );
    assert_eq!(found(&record, "no-new-migration").len(), 1);

    shop.write("migrations/003_drop.sql", DROP);
    commit();
    let (code, record) = shop.record(&arguments);
    assert_eq!(code, 1, "{record:#}");
    let cause = Some("earlier-migration");
    assert_eq!(verdicts(&record)["order_history"], ("regressed", cause));
    let regressed = found(&record, "baseline-regressed");
    assert!(message(regressed[0]).contains("a migration since then does it"));

    // On another base nobody can tell whose doing it is.
    let text = shop.read(HISTORY);
    shop.write(HISTORY, &text.replace("seed: 42", "seed: 7"));
    let (code, record) = shop.record(&arguments);
    assert_eq!(code, 4, "{record:#}");
    assert_eq!(
        verdicts(&record)["order_history"],
        ("regressed", Some("base"))
    );
    assert!(message(found(&record, "base-moved")[0]).contains("seed 7 → 42"));
}

#[test]
fn the_plans_of_a_single_migration_can_be_kept() {
    let shop = Shop::new();
    let first = shop.read("migrations/001_baseline.sql");
    let second = shop.read("migrations/002_add_indexes.sql");
    shop.write("migrations/001_baseline.sql", &format!("{first}\n{second}"));
    fs::remove_file(shop.path("migrations/002_add_indexes.sql")).unwrap();
    let (code, record) = shop.record(&["regress"]);
    assert_eq!(code, 4, "nothing was compared: {record:#}");
    assert_eq!(shop.run(&["accept"]).code, 0);
    let (code, record) = shop.record(&["regress"]);
    assert_eq!(code, 0, "{record:#}");
    assert!(
        verdicts(&record).values().all(|v| v.0 == "kept"),
        "{record:#}"
    );
}

#[test]
fn there_has_to_be_a_run_with_plans_to_accept() {
    let shop = Shop::new();
    shop.run(&["accept"]).failed_with(
        2,
        &["there is no last run in", "run `dbproof regress` first"],
    );
    shop.write("dbproof-output/last-run.json", "{}");
    shop.run(&["accept"]).failed_with(2, &["not a run record"]);
    shop.run(&["accept", "elsewhere.json"])
        .failed_with(2, &["failed to read elsewhere.json"]);
}
