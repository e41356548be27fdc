//! A migration held against an application's transactions: `deadlock --trace FILE --migration FILE` and
//! `watch --migration FILE`.

use serde_json::Value;

use crate::project::Shop;

/// A sign-up that notes its user, and then the first order.
const SIGN_UP: &str = "psql -qAt -c begin -c \"update users set name = 'a' where id = 1 \
                       /*file='shop/views.py',line='12'*/\" -c \"update orders set status = 'paid' where \
                       id = 1 /*file='shop/views.py',line='14'*/\" -c commit";

/// Locks the same tables the other way round.
const CROSSING: &str = "ALTER TABLE orders ADD note text;\nALTER TABLE users ADD note text;\n";

fn findings(record: &Value) -> Vec<(&str, &str)> {
    let findings = record["findings"].as_array().unwrap().iter();
    let told = findings.map(|f| (f["code"].as_str().unwrap(), f["severity"].as_str().unwrap()));
    told.filter(|(code, _)| code.contains("deadlock")).collect()
}

/// The shop with a trace of a sign-up, and the migrations.
fn traced() -> Shop {
    let shop = Shop::new();
    shop.write("changes/crossing.sql", CROSSING);
    let apart = format!("-- no-transaction\n{CROSSING}");
    shop.write("changes/apart.sql", &apart);
    let keep = ["--save-trace", "t.trace", "--keep-values"];
    let command = ["--", "sh", "-c", SIGN_UP];
    let (code, record) = shop.watch_record(&[&keep[..], &command].concat());
    assert_eq!((code, findings(&record)), (0, vec![]));
    shop
}

/// The arguments that hold a migration against the trace.
fn against(file: &str) -> [&str; 5] {
    ["deadlock", "--trace", "t.trace", "--migration", file]
}

#[test]
fn a_migration_is_held_against_a_trace() {
    let shop = traced();
    let (code, record) = shop.record(&against("changes/crossing.sql"));
    assert_eq!(code, 1, "{record:#}");
    assert_eq!(
        findings(&record),
        [("migration-deadlock-predicted", "error")]
    );
    let finding = &record["findings"][0];
    assert_eq!(finding["location"]["file"], "changes/crossing.sql");
    assert_eq!(finding["location"]["line"], 2);
    let message = finding["message"].as_str().unwrap();
    for words in [
        "changes/crossing.sql can deadlock with",
        "as it is before the migration",
        "(shop/views.py:14)",
        "(changes/crossing.sql:2)",
    ] {
        assert!(message.contains(words), "{message}");
    }
    assert!(
        finding["remedy"]["text"]
            .as_str()
            .unwrap()
            .contains("lock_timeout")
    );
    let prediction = &record["scenarios"]["deadlock"]["predictions"][0];
    assert_eq!(prediction["verdict"], "confirmed");
    assert_eq!(
        prediction["timeline"]["sessions"].as_array().unwrap().len(),
        2
    );

    let (code, record) = shop.record(&against("changes/apart.sql"));
    assert_eq!((code, findings(&record)), (0, vec![]), "{record:#}");
    let migration = &record["scenarios"]["deadlock"]["prediction"]["migrations"][0];
    assert_eq!(
        (&migration["transactions"], &migration["replayed"]),
        (&2.into(), &2.into())
    );

    // The same beside what `regress` says of the plans.
    let (code, record) = shop.record(&[
        "regress",
        "--migration",
        "changes/crossing.sql",
        "--trace",
        "t.trace",
    ]);
    assert_eq!(code, 1, "{record:#}");
    let both = &record["scenarios"];
    assert_eq!(both["regress"]["change"], "changes/crossing.sql");
    assert_eq!(both["deadlock"]["predictions"][0]["verdict"], "confirmed");
    let told = findings(&record);
    assert!(
        told.contains(&("migration-deadlock-predicted", "error")),
        "{told:?}"
    );
    shop.assert_nothing_is_left();
}

#[test]
fn what_cannot_be_held_against_a_trace_is_no_pass() {
    let shop = traced();
    // What cannot be run on the schema was not checked, and that is no pass.
    shop.write("changes/wrong.sql", "ALTER TABLE nowhere ADD note text;");
    let (code, record) = shop.record(&against("changes/wrong.sql"));
    assert_eq!(code, 4);
    let reasons = record["scenarios"]["deadlock"]["prediction"]["not_checked"].to_string();
    assert!(
        reasons.contains("changes/wrong.sql") && reasons.contains("42P01"),
        "{reasons}"
    );

    shop.write("changes/nothing.sql", "-- to be written\n");
    for (file, words) in [
        (
            "changes/nothing.sql",
            "has no statement that migrates anything",
        ),
        ("changes/missing.sql", "failed to read changes/missing.sql"),
    ] {
        shop.run(&against(file)).failed_with(2, &[words]);
    }
    shop.run(&["deadlock", "--migration", "changes/crossing.sql"])
        .failed_with(2, &["--trace"]);
    let missing = [
        "regress",
        "--migration",
        "changes/apart.sql",
        "--trace",
        "no.trace",
    ];
    shop.run(&missing)
        .failed_with(2, &["failed to read no.trace"]);
    shop.assert_nothing_is_left();
}

#[test]
fn a_watch_meets_the_schema_before_the_migration() {
    let shop = Shop::new();
    // A change that the folder has already, on top of it and the rest.
    shop.write("migrations/003_notes.sql", CROSSING);
    let seen = "psql -qAt -c \"select 'notes: ' || count(*) from information_schema.columns where \
                column_name = 'note'\"";
    let script = format!("{seen}\n{SIGN_UP}");
    let run = [
        "watch",
        "--migration",
        "migrations/003_notes.sql",
        "--",
        "sh",
        "-c",
        &script,
    ];
    let run = shop
        .command(&run)
        .env("PATH", crate::watch::path_with_psql())
        .output()
        .unwrap();
    let (out, errors) = (run.stdout, run.stderr);
    let (out, errors) = (
        String::from_utf8_lossy(&out),
        String::from_utf8_lossy(&errors),
    );
    assert_eq!(run.status.code(), Some(1), "{out}{errors}");
    assert!(out.contains("notes: 0"), "{out}");
    assert!(out.contains("migration-deadlock-predicted"), "{out}");
    let (code, record) = shop.watch_record(&[
        "--migration",
        "migrations/003_notes.sql",
        "--",
        "sh",
        "-c",
        "psql -qAtc 'select 1 from users limit 1'",
    ]);
    // Nobody was there whom it could have met.
    assert_eq!(code, 4);
    let reasons = record["scenarios"]["deadlock"]["prediction"]["not_checked"].to_string();
    assert!(reasons.contains("migrations/003_notes.sql"), "{reasons}");
    let arguments = ["--migration", "migrations/004.sql", "--", "true"];
    let run = shop.run(&[&["watch"], &arguments[..]].concat());
    run.failed_with(2, &["migrations/004.sql"]);
    shop.assert_nothing_is_left();
}

/// A page in one transaction that only reads holds nobody of the application up, and a migration it does.
#[test]
fn a_page_that_only_reads_is_held_against_it() {
    let shop = Shop::new();
    shop.write("changes/crossing.sql", CROSSING);
    let page = "psql -qAt -c begin -c 'select name from users where id = 1' -c 'select total from orders \
                where user_id = 1' -c commit";
    let watched = [
        "--migration",
        "changes/crossing.sql",
        "--",
        "sh",
        "-c",
        page,
    ];
    let (code, record) = shop.watch_record(&watched);
    assert_eq!(code, 1, "{record:#}");
    let told = findings(&record);
    assert_eq!(told, [("migration-deadlock-predicted", "error")]);
    let subject = record["findings"][0]["subject"].as_str().unwrap();
    assert!(subject.contains("read users"), "{subject}");
    // Without the migration there is nothing to be told of.
    let (code, record) = shop.watch_record(&["--", "sh", "-c", page]);
    assert_eq!((code, findings(&record)), (0, vec![]));
}
