//! `dbproof regress --base REV`.

use std::process::Command;

use crate::project::Shop;

/// Runs git in the shop.
pub(crate) fn git(shop: &Shop, arguments: &[&str]) {
    let output = Command::new("git")
        .arg("-C")
        .arg(shop.path("."))
        .args(["-c", "user.name=ann", "-c", "user.email=ann@example.org"])
        .args([
            "-c",
            "commit.gpgsign=false",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(arguments)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {words}");
}

/// The shop as a checkout whose first commit, `start`, has the baseline migration alone.
fn checkout() -> Shop {
    let shop = Shop::new();
    let indexes = shop.read("migrations/002_add_indexes.sql");
    std::fs::remove_file(shop.path("migrations/002_add_indexes.sql")).unwrap();
    git(&shop, &["init", "--quiet"]);
    git(&shop, &["add", "."]);
    git(&shop, &["commit", "--quiet", "--message", "the shop"]);
    git(&shop, &["tag", "start"]);
    shop.write("migrations/002_add_indexes.sql", &indexes);
    shop
}

#[test]
fn the_change_is_every_migration_since_the_base() {
    let shop = checkout();
    git(&shop, &["add", "."]);
    git(&shop, &["commit", "--quiet", "--message", "indexes"]);
    let note = "COMMENT ON TABLE users IS 'people';\n";
    shop.write("migrations/003_note.sql", note);
    let (code, record) = shop.record(&["regress", "--base", "start"]);
    assert_eq!(code, 0, "{record:#}");
    let regress = &record["scenarios"]["regress"];
    assert_eq!(regress["change"], "start..working tree");
    let statements = regress["migration"]["statements"].as_array().unwrap();
    let mut files: Vec<&str> = statements
        .iter()
        .map(|statement| statement["file"].as_str().unwrap())
        .collect();
    files.dedup();
    let expected = ["migrations/002_add_indexes.sql", "migrations/003_note.sql"];
    assert_eq!(files, expected);
    let improved = regress["queries"].as_array().unwrap().iter();
    let improved = improved.filter(|query| query["verdict"] == "improved");
    assert!(improved.count() > 0, "{record:#}");

    // The index is there at HEAD already, so that the comment alone is left.
    let (code, record) = shop.record(&["regress", "--base", "HEAD"]);
    assert_eq!(code, 0, "{record:#}");
    let regress = &record["scenarios"]["regress"];
    assert_eq!(
        regress["migration"]["statements"][0]["sql"],
        note.trim_end_matches(";\n")
    );
    for query in regress["queries"].as_array().unwrap() {
        assert_eq!(query["verdict"], "unchanged", "{query:#}");
    }
}

#[test]
fn nothing_new_is_inconclusive() {
    let shop = checkout();
    git(&shop, &["add", "."]);
    git(&shop, &["commit", "--quiet", "--message", "indexes"]);
    let (code, record) = shop.record(&["regress", "--base", "HEAD"]);
    assert_eq!(code, 4);
    assert_eq!(record["findings"][0]["code"], "no-new-migration");
}

#[test]
fn a_migration_that_was_edited_or_removed_is_refused_with_its_line() {
    let shop = checkout();
    let text = shop.read("migrations/001_baseline.sql");
    let edited = text.replacen("CREATE TABLE", "CREATE UNLOGGED TABLE", 1);
    shop.write("migrations/001_baseline.sql", &edited);
    let line = 1 + text
        .lines()
        .position(|l| l.contains("CREATE TABLE"))
        .unwrap();
    let place = format!("migrations/001_baseline.sql:{line}:1");
    let refused = shop.run(&["regress", "--base", "start"]);
    refused.failed_with(2, &["this migration was edited since start", &place]);

    std::fs::remove_file(shop.path("migrations/001_baseline.sql")).unwrap();
    let expected = "the migration migrations/001_baseline.sql is there at start, and not in";
    shop.run(&["regress", "--base", "start"])
        .failed_with(2, &[expected]);
}

#[test]
fn a_repeatable_migration_may_be_edited() {
    let shop = checkout();
    let view = "CREATE OR REPLACE VIEW latest AS SELECT id FROM orders;\n";
    shop.write("migrations/R__latest.sql", view);
    git(&shop, &["add", "."]);
    git(&shop, &["commit", "--quiet", "--message", "a view"]);
    let wider = "CREATE OR REPLACE VIEW latest AS SELECT id, status FROM orders;\n";
    shop.write("migrations/R__latest.sql", wider);
    let (code, record) = shop.record(&["regress", "--base", "HEAD"]);
    assert_eq!(code, 0, "{record:#}");
    let statements = &record["scenarios"]["regress"]["migration"]["statements"];
    assert_eq!(statements.as_array().unwrap().len(), 1);
    assert_eq!(statements[0]["file"], "migrations/R__latest.sql");
}

#[test]
fn a_base_that_cannot_be_read_is_told_apart() {
    let shop = Shop::new();
    let message = "--base needs the project to be a git checkout";
    shop.run(&["regress", "--base", "main"])
        .failed_with(2, &[message]);
    let shop = checkout();
    for name in ["nowhere", "--output=x"] {
        let message = format!("git knows no revision `{name}`");
        shop.run(&["regress", &format!("--base={name}")])
            .failed_with(2, &[&message]);
    }
    git(&shop, &["checkout", "--quiet", "--orphan", "empty"]);
    git(&shop, &["rm", "--quiet", "--cached", "-r", "migrations"]);
    git(&shop, &["commit", "--quiet", "--message", "no schema"]);
    shop.run(&["regress", "--base", "empty"])
        .failed_with(2, &["there is no migration in migrations/ at empty"]);
    shop.run(&["regress", "--base", "start", "--migration", "x.sql"])
        .failed_with(2, &["cannot be used with"]);
}
