//! The deadlock laboratory: every shape that dbproof carries, and those of a user.

use std::fs;
use std::path::PathBuf;

use dbproof_model::{
    DeadlockExpectation, DeadlockRecord, DeadlockShape, Finding, Scenario, Verdict,
};
use dbproof_scenarios::project::Project;
use dbproof_scenarios::{DeadlockChoice, RunError, RunOptions, ServerChoice, Silent};

const CONFIGURATION: &str = "[deadlock]\ntimeouts_ms = [100]\nruns = 2\n";

/// A run of `deadlock` on a project of these files.
async fn deadlock(
    files: &[(&str, &str)],
    choice: DeadlockChoice,
) -> Result<(DeadlockRecord, Vec<Finding>), RunError> {
    let project = tempfile::tempdir().unwrap();
    for (name, text) in [("dbproof.toml", CONFIGURATION)].iter().chain(files) {
        let path = project.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    fs::create_dir_all(project.path().join("migrations")).unwrap();
    if !files
        .iter()
        .any(|(name, _)| name.starts_with("migrations/"))
    {
        let table = "CREATE TABLE t (id int PRIMARY KEY, n int);\n\
                     INSERT INTO t SELECT i, 0 FROM generate_series(1, 9) i;\n";
        fs::write(project.path().join("migrations/1_base.sql"), table).unwrap();
    }
    let options = RunOptions {
        project: Project::open(&project.path().join("dbproof.toml")).unwrap(),
        scenarios: vec![Scenario::Deadlock],
        server: ServerChoice::Ephemeral {
            binaries: std::env::var_os("DBPROOF_PG_BIN").map(PathBuf::from),
        },
        in_place: false,
        seed: 1,
        keep_values: false,
        threshold: None,
        change: None,
        deadlock: choice,
        trace: None,
        cleaner: None,
    };
    let record = dbproof_scenarios::run(&options, &Silent).await?;
    Ok((record.scenarios.deadlock.unwrap(), record.findings))
}

/// The shape of a user in one file.
async fn shape(text: &str) -> Result<(DeadlockRecord, Vec<Finding>), RunError> {
    deadlock(&[("deadlocks/s.toml", text)], DeadlockChoice::default()).await
}

fn named(names: &[&str]) -> DeadlockChoice {
    DeadlockChoice {
        shapes: names.iter().map(|name| (*name).to_owned()).collect(),
        ..DeadlockChoice::default()
    }
}

/// What must hold of a shape of the catalogue, whatever the time it took.
fn check_shape(shape: &DeadlockShape) {
    let name = &shape.name;
    assert_eq!(shape.as_expected, Some(shape.runs), "{name}");
    assert_eq!(shape.server_deadlocks, Some(shape.deadlocks), "{name}");
    for version in [&shape.control, &shape.mended] {
        let version = version.as_ref().unwrap();
        assert_eq!(
            (version.deadlocks, version.server_deadlocks),
            (0, Some(0)),
            "{name}"
        );
        assert_eq!(version.runs, shape.runs, "{name}");
    }
    let timeline = shape.timeline.as_ref().unwrap();
    assert!(
        timeline.closed_ms.is_some() && timeline.ended_ms.is_some(),
        "{name}"
    );
    assert!(!shape.participants.is_empty(), "{name}");
    if shape.expected.is_error() {
        assert!(shape.deadlocks >= shape.runs, "{name}");
        let policies: Vec<&str> = shape.policies.iter().map(|p| p.policy.as_str()).collect();
        assert_eq!(policies, ["none", "immediate", "jittered"], "{name}");
        assert!(shape.policies[0].lost >= shape.runs, "{name}");
        assert_eq!(shape.policies[2].lost, 0, "{name}");
        // With a savepoint, the error ends the subtransaction alone: the outer locks stay.
        let released = Some(shape.savepoint.is_none());
        assert_eq!(shape.released_before_rollback, released, "{name}");
    } else {
        assert_eq!(
            (shape.deadlocks, shape.stalled_ms.n),
            (0, shape.runs),
            "{name}"
        );
    }
}

#[tokio::test]
async fn every_shape_of_the_catalogue_ends_as_expected_and_its_versions_without_a_deadlock() {
    let choice = DeadlockChoice {
        catalogue: true,
        ..DeadlockChoice::default()
    };
    let (record, findings) = deadlock(&[], choice).await.unwrap();
    assert_eq!(record.shapes.len(), 13);
    record.shapes.iter().for_each(check_shape);
    assert_eq!(record.verdict, Verdict::Pass);
    let codes = |code: &str| findings.iter().filter(|f| f.code == code).count();
    assert_eq!(codes("deadlock-cost"), 11);
    assert_eq!(
        (codes("deadlock-soft"), codes("deadlock-invisible")),
        (1, 1)
    );
    assert_eq!(codes("deadlock-savepoint"), 1);
    let of = |name: &str| {
        record
            .shapes
            .iter()
            .find(|shape| shape.name == name)
            .unwrap()
    };
    // The one that asks last fails at once, whatever the timeout.
    assert_eq!(of("table_upgrade").victims_as_predicted, Some(2));
    let savepoint = of("savepoint_retry").savepoint.unwrap();
    assert_eq!((savepoint.tried, savepoint.rescued), (2, 0));
    assert_eq!(of("row_inversion").wasted_dead_tuples, Some(1));
    assert!(of("row_inversion").wasted_wal_bytes.unwrap() > 0);
    assert_eq!(of("table_upgrade").wasted_dead_tuples, Some(0));
}

#[tokio::test]
async fn both_statements_of_a_wait_are_told_without_their_values() {
    // A second, so that both waits are seen on a busy machine too.
    let config = [(
        "dbproof.toml",
        "[deadlock]\ntimeouts_ms = [1000]\nruns = 1\n",
    )];
    let (record, _) = deadlock(&config, named(&["row_inversion"])).await.unwrap();
    let [first, second] = record.shapes[0].participants.as_slice() else {
        panic!("{:?}", record.shapes[0].participants);
    };
    assert_eq!(
        (first.session.as_str(), first.blocked_by.as_str()),
        ("a", "b")
    );
    assert_eq!(
        (second.session.as_str(), second.blocked_by.as_str()),
        ("b", "a")
    );
    assert_eq!(
        first.statement,
        "UPDATE account SET amount = amount + ? WHERE id = ?"
    );
    assert_eq!(first.logged_statement.as_ref(), Some(&first.statement));
    let lock = first.lock.as_ref().unwrap();
    assert!(
        lock.starts_with("ShareLock on a transaction, for row"),
        "{lock}"
    );
    let held = first.held_by_statement.as_ref().unwrap();
    assert_eq!(held, "UPDATE account SET amount = amount - ? WHERE id = ?");
    let timeline = record.shapes[0].timeline.as_ref().unwrap();
    let kinds = timeline.sessions[0]
        .spans
        .iter()
        .map(|span| span.kind.as_str());
    let kinds: Vec<&str> = kinds.collect();
    assert!(kinds.starts_with(&["run", "wait"]), "{kinds:?}");
}

const SPEC: &str = "
# Two sessions that lock two tables in opposite order.
setup { CREATE TABLE t1 (a int); CREATE TABLE t2 (a int); }
teardown { DROP TABLE t1, t2; }
session s1
setup { BEGIN; SET deadlock_timeout = '50ms'; }
step a1 { LOCK TABLE t1; }
step a2 { LOCK TABLE t2; }
step ac { COMMIT; }
session s2
setup { BEGIN; SET deadlock_timeout = '60s'; }
step b1 { LOCK TABLE t2; }
step b2 { LOCK TABLE t1; }
step bc { COMMIT; }
permutation a1 b1 a2(*) b2(a2) ac bc
permutation a1 a2 b1 ac b2 bc
";

#[tokio::test]
async fn a_file_of_the_isolation_tester_is_run_as_it_is() {
    let files = [("deadlocks/two-tables.spec", SPEC)];
    let (record, findings) = deadlock(&files, DeadlockChoice::default()).await.unwrap();
    assert_eq!(record.verdict, Verdict::Pass, "{findings:?}");
    let [crossed, ordered] = record.shapes.as_slice() else {
        panic!("{} shapes", record.shapes.len());
    };
    assert_eq!(crossed.name, "two-tables #1");
    assert_eq!(crossed.expected, DeadlockExpectation::Any);
    assert_eq!((crossed.deadlocks, crossed.server_deadlocks), (2, Some(2)));
    assert_eq!(crossed.victim.as_deref(), Some("s1"));
    assert_eq!((ordered.deadlocks, ordered.as_expected), (0, Some(2)));

    let expects = format!("# dbproof: expect none\n{SPEC}");
    let files = [("deadlocks/two-tables.spec", expects.as_str())];
    let (record, findings) = deadlock(&files, named(&["two-tables"])).await.unwrap();
    assert_eq!(record.verdict, Verdict::Fail);
    assert_eq!(findings[0].code, "deadlock-unexpected");
}

const CONTROL: &str = "
[[control.session]]
name = \"a\"
steps = [\"SELECT 1\", \"SELECT 2\"]
[[control.session]]
name = \"b\"
steps = [\"SELECT 1\", \"SELECT 2\"]
";

/// Two sessions with these two steps each, which are on the lines 4, 5, 9 and 10.
fn two(steps: [&str; 4]) -> String {
    let [a1, a2, b1, b2] = steps;
    format!(
        "name = \"s\"\n[[session]]\nname = \"a\"\nsteps = [\"{a1}\",\n\"{a2}\"]\n[[session]]\n\
         name = \"b\"\n\nsteps = [\"{b1}\",\n\"{b2}\"]\n{CONTROL}"
    )
}

const UPDATE: [&str; 2] = [
    "UPDATE t SET n = 1 WHERE id = 1",
    "UPDATE t SET n = 1 WHERE id = 2",
];

#[tokio::test]
async fn bad_shapes_are_refused_with_file_and_line() {
    let check = async |text: &str, expected: &[&str]| {
        let error = shape(text).await.unwrap_err();
        assert!(matches!(error, RunError::Input(_)), "{error}");
        let text = error.to_string();
        for expected in expected {
            assert!(text.contains(expected), "`{expected}` is not in: {text}");
        }
    };
    let never = two([UPDATE[0], "SELECT 1", UPDATE[1], UPDATE[0]]);
    check(
        &never,
        &[
            "`a` should be blocked by `b`",
            "not blocked at all",
            "s.toml:5",
        ],
    )
    .await;
    let fails = two([UPDATE[0], UPDATE[1], "SELECT colour FROM t", UPDATE[0]]);
    check(
        &fails,
        &[
            "column \"colour\" does not exist",
            "step 1 of `b`",
            "s.toml:9",
        ],
    )
    .await;
    let schedule = format!("schedule = [\"a 1\",\n\"x 1\"]\n{}", two([UPDATE[0]; 4]));
    check(&schedule, &["no session `x`", "s.toml:2"]).await;
    let setup = format!("setup = \"SELECT 1; SELEC 2\"\n{}", two([UPDATE[0]; 4]));
    check(&setup, &["syntax error", "s.toml:1"]).await;
    let meets = format!(
        "schedule = [\"a 1\", \"b 1\",\n\"a 2\", \"b 2\"]\n{}",
        two([UPDATE[0], UPDATE[1], UPDATE[1], UPDATE[0]])
    );
    check(
        &meets,
        &[
            "`a` should come through",
            "blocked by `b` instead",
            "s.toml:2",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_shape_that_says_it_has_no_deadlock_fails_when_it_has_one() {
    let text = format!(
        "expect = \"none\"\nschedule = [\"a 1\", \"b 1\", \"a 2 waits for b\", \"b 2 waits for a\"]\n{}",
        two([UPDATE[0], UPDATE[1], UPDATE[1], UPDATE[0]])
    );
    let (record, findings) = shape(&text).await.unwrap();
    assert_eq!(record.verdict, Verdict::Fail);
    assert_eq!(findings[0].code, "deadlock-unexpected");
}

#[tokio::test]
async fn a_storm_in_one_order_has_no_deadlocks_and_both_counts_of_the_other_agree() {
    let config = "[deadlock]\ntimeouts_ms = [20]\n[deadlock.storm]\nseconds = 1\nclients = 4\n\
                  sql = \"UPDATE t SET n = n + 1 WHERE id = $1\"\nkeys = \"SELECT id FROM t ORDER BY id\"\n";
    let choice = DeadlockChoice {
        storm: true,
        ..DeadlockChoice::default()
    };
    let (record, _) = deadlock(&[("dbproof.toml", config)], choice).await.unwrap();
    let [sorted, unsorted] = record.storms.as_slice() else {
        panic!("{:?}", record.storms);
    };
    assert_eq!((sorted.order.as_str(), sorted.deadlocks), ("sorted", 0));
    assert_eq!(unsorted.order, "unsorted");
    assert_eq!(unsorted.server_deadlocks, Some(unsorted.deadlocks));
    assert!(sorted.commits > 0 && unsorted.commits > 0);
    assert_eq!((sorted.hot_rows, sorted.clients), (9, 4));
}
