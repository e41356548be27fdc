//! Plans of a real server through the file and back, and what the check says of them.

use std::collections::BTreeMap;

use dbproof_model::{
    Baseline, BaselineBase, BaselineCause, BaselinePlan, BaselineSet, BaselineVerdict, Plan,
};
use proptest::prelude::*;

use super::*;
use crate::plan;
use crate::regression::{Side, Tolerances};

/// The lines of a plan of `tests/plans`.
macro_rules! observed {
    ($name:literal) => {{
        let json = include_str!(concat!("../../tests/plans/", $name, ".json"));
        let plan: Plan = plan::parse(&serde_json::from_str(json).unwrap()).unwrap();
        let row_count = plan.root.actual_rows.unwrap_or_default();
        observe(
            &Side {
                plan,
                row_count,
                rows_digest: None,
                statement: None,
            },
            &[Some("7".to_owned())],
            false,
        )
    }};
}

fn base() -> BaselineBase {
    BaselineBase {
        server: "postgresql 15".to_owned(),
        collation: "C".to_owned(),
        seed: 42,
        scale: 1.0,
        data: Some("77aa0000000000ff".to_owned()),
        settings: BTreeMap::from([("work_mem".to_owned(), "64MB".to_owned())]),
        relations: BTreeMap::from([("orders".to_owned(), 2500)]),
    }
}

fn baseline(sets: Vec<(&str, BaselinePlan)>) -> Baseline {
    Baseline {
        query: "order_history".to_owned(),
        statement: "4f1c09d2a3b41c55".to_owned(),
        base: base(),
        sets: sets
            .into_iter()
            .map(|(label, plan)| BaselineSet {
                label: label.to_owned(),
                plan,
            })
            .collect(),
    }
}

fn sample() -> Baseline {
    baseline(vec![
        ("typical", observed!("history_index")),
        ("heavy", observed!("history_seq")),
    ])
}

#[test]
fn a_file_reads_like_this() {
    insta::assert_snapshot!(render(&sample()));
}

#[test]
fn every_plan_goes_through_its_file_unharmed() {
    let plans = [
        observed!("aggregate"),
        observed!("bitmap"),
        observed!("cte"),
        observed!("hash_disk"),
        observed!("initplan"),
        observed!("join_hash"),
        observed!("join_index"),
        observed!("latest_ordered"),
    ];
    for (number, plan) in plans.into_iter().enumerate() {
        let written = baseline(vec![("typical", plan)]);
        let text = render(&written);
        assert_eq!(parse(&text).unwrap(), written, "plan {number}\n{text}");
    }
}

#[test]
fn subplans_joins_and_ctes_have_their_lines() {
    let lines = |plan: BaselinePlan| plan.nodes.join("\n");
    insta::assert_snapshot!("initplan", lines(observed!("initplan")));
    insta::assert_snapshot!("cte", lines(observed!("cte")));
    insta::assert_snapshot!("join_hash", lines(observed!("join_hash")));
}

#[test]
fn line_ends_of_another_system_and_lost_blank_lines_are_read() {
    let text = render(&sample());
    let windows = text.replace('\n', "\r\n");
    assert_eq!(parse(&windows).unwrap(), sample());
    let without_end = text.trim_end();
    assert_eq!(parse(without_end).unwrap(), sample());
}

#[track_caller]
fn refused(text: &str, line: u32, message: &str) {
    let error = parse(text).unwrap_err();
    assert_eq!((error.line, error.message.as_str()), (line, message));
    assert!(!error.help.is_empty());
}

#[test]
fn what_is_no_baseline_is_refused_with_its_line() {
    let text = render(&sample());
    refused("", 1, "the file is empty");
    refused(
        "SELECT 1;\n",
        1,
        "a baseline begins with `# dbproof baseline 1`, and this file does not",
    );
    refused(
        &text.replace("baseline 1:", "baseline 7:"),
        1,
        "the file has version 7, and this dbproof reads version 1",
    );
    refused(
        &text.replace("seed: 42", "seed: many"),
        6,
        "`many` is no seed",
    );
    refused(
        &text.replace("seed: 42", "sed: 42"),
        6,
        "`sed` is no line of a baseline",
    );
    refused(
        &text.replace("seed: 42", "server: postgresql 16"),
        6,
        "`server` is there twice",
    );
    refused(
        &text.replace("seed: 42\n", ""),
        10,
        "the line `seed: …` is missing above",
    );
    let (whole, _) = text.split_once("[heavy]").unwrap();
    let lines = u32::try_from(whole.lines().count()).unwrap();
    refused(
        whole,
        lines,
        "the file is cut off: it does not end with `end`",
    );
    refused(
        &format!("{whole}<<<<<<< HEAD\n=======\n>>>>>>> theirs\n"),
        lines + 1,
        "the file holds the marks of a merge conflict",
    );
    refused(
        &text.replace("[heavy]", "[typical]"),
        lines + 1,
        "the set `typical` is there twice",
    );
    refused(
        &text.replace("[heavy]\nrows", "[heavy]\nraws"),
        lines + 2,
        "the set `heavy` has no line `blocks: …`",
    );
    refused(
        &format!("{text}more\n"),
        u32::try_from(text.lines().count()).unwrap() + 1,
        "`more` stands after the file's end",
    );
}

#[test]
fn nodes_that_are_the_same_are_written_once() {
    let sets = ["typical", "heavy", "none"];
    let same = baseline(sets.map(|label| (label, plan(20, 3, BITMAP))).to_vec());
    let text = render(&same);
    assert_eq!(text.matches("\nas [typical]\n").count(), 2, "{text}");
    assert_eq!(text.matches("Bitmap Heap Scan").count(), 1, "{text}");
    assert_eq!(parse(&text).unwrap(), same);
    let text = text.replacen("as [typical]", "as [none]", 1);
    let line = text.lines().position(|line| line == "as [none]").unwrap();
    let line = u32::try_from(line + 1).unwrap();
    refused(&text, line, "`as [none]` names no set above this one");
}

#[test]
fn a_node_that_is_indented_wrongly_is_refused() {
    let text = render(&baseline(vec![("typical", observed!("bitmap"))]));
    let first = text
        .lines()
        .position(|line| line.starts_with("  "))
        .unwrap();
    for wrong in ["   ", "      ", "\t"] {
        let lines: Vec<String> = text
            .lines()
            .enumerate()
            .map(|(at, line)| {
                if at == first {
                    format!("{wrong}{}", line.trim_start())
                } else {
                    line.to_owned()
                }
            })
            .collect();
        let error = parse(&lines.join("\n")).unwrap_err();
        assert_eq!(error.line as usize, first + 1, "{wrong:?}: {error}");
    }
}

fn plan(rows: u64, blocks: u64, nodes: &[&str]) -> BaselinePlan {
    BaselinePlan {
        rows: Some(rows),
        values: Some("3f2a".to_owned()),
        blocks,
        spill_blocks: 0,
        nodes: nodes.iter().map(|node| (*node).to_owned()).collect(),
    }
}

const BITMAP: &[&str] = &[
    "Limit",
    "  Bitmap Heap Scan on orders",
    "    Bitmap Index Scan using btree (user_id)",
];
const SEQ: &[&str] = &["Limit", "  Seq Scan on orders"];

#[track_caller]
fn check_compare(
    was: &BaselinePlan,
    is: &BaselinePlan,
    verdict: BaselineVerdict,
    reasons: &[&str],
) {
    let (found, why) = compare(was, is, &Tolerances::default());
    assert_eq!(
        (found, why),
        (verdict, reasons.iter().map(|r| (*r).to_owned()).collect())
    );
}

#[test]
fn rows_then_blocks_then_the_shape_decide() {
    use BaselineVerdict::{Changed, Improved, Kept, Regressed};
    let was = plan(20, 3, BITMAP);
    check_compare(&was, &plan(20, 3, BITMAP), Kept, &[]);
    check_compare(&was, &plan(20, 18, BITMAP), Kept, &[]);
    check_compare(&was, &plan(20, 19, BITMAP), Regressed, &["3 → 19 blocks"]);
    let moved =
        "Bitmap Heap Scan on orders, Bitmap Index Scan using btree (user_id) → Seq Scan on orders";
    check_compare(&was, &plan(20, 5, SEQ), Changed, &["3 → 5 blocks", moved]);
    check_compare(
        &was,
        &plan(20, 225, SEQ),
        Regressed,
        &["3 → 225 blocks", moved],
    );
    check_compare(
        &was,
        &plan(19, 3, BITMAP),
        Regressed,
        &["20 → 19 rows returned"],
    );
    let improved = compare(&plan(20, 225, SEQ), &was, &Tolerances::default());
    assert_eq!(improved.0, Improved);
    let mut spills = plan(20, 3, BITMAP);
    spills.spill_blocks = 40;
    check_compare(&was, &spills, Regressed, &["0 → 40 spill blocks"]);
    let unknown_rows = BaselinePlan {
        rows: None,
        ..plan(0, 3, BITMAP)
    };
    check_compare(&was, &unknown_rows, Kept, &[]);
}

fn today(before: Option<BaselinePlan>, after: BaselinePlan) -> Today<'static> {
    Today {
        query: "order_history",
        location: None,
        file: "baselines/order_history.plan".to_owned(),
        under_test: before.is_some(),
        before: before.map(|plan| baseline(vec![("typical", plan)])),
        after: Some(baseline(vec![("typical", after)])),
        follows_clock: false,
        wavering: Vec::new(),
    }
}

#[track_caller]
fn check_cause(
    today: &Today<'_>,
    accepted: &Baseline,
    verdict: BaselineVerdict,
    cause: Option<BaselineCause>,
) {
    let checked = check(Some(accepted), today, &Tolerances::default());
    assert_eq!(
        (checked.verdict, checked.cause),
        (verdict, cause),
        "{checked:#?}"
    );
}

#[test]
fn what_the_plan_before_the_change_shows_is_not_the_changes_doing() {
    use BaselineCause::{Base, Change, EarlierMigration, Unclear};
    use BaselineVerdict::{Changed, Improved, Kept, Regressed};
    let accepted = baseline(vec![("typical", plan(20, 100, BITMAP))]);
    let of = |blocks| plan(20, blocks, BITMAP);
    let both = |before, after| today(Some(of(before)), of(after));
    check_cause(&both(100, 100), &accepted, Kept, None);
    check_cause(&both(100, 400), &accepted, Regressed, Some(Change));
    check_cause(
        &both(400, 400),
        &accepted,
        Regressed,
        Some(EarlierMigration),
    );
    // Worse before, and worse again: the change has its share.
    check_cause(&both(400, 900), &accepted, Regressed, Some(Change));
    // Worse before, and mended in part; or the change itself was better when it was accepted.
    check_cause(&both(900, 400), &accepted, Regressed, Some(Unclear));
    // Small steps, each within the tolerances: nothing moved before, so that it is the change.
    check_cause(&both(109, 118), &accepted, Regressed, Some(Change));
    check_cause(&both(400, 100), &accepted, Kept, None);
    check_cause(&both(100, 30), &accepted, Improved, Some(Change));
    check_cause(&both(30, 30), &accepted, Improved, Some(EarlierMigration));
    let shape = today(Some(plan(20, 100, SEQ)), plan(20, 100, SEQ));
    check_cause(&shape, &accepted, Changed, Some(EarlierMigration));

    for before in [400, 900] {
        let mut newer = both(before, 400);
        newer.before.as_mut().unwrap().base.server = "postgresql 16".to_owned();
        check_cause(&newer, &accepted, Regressed, Some(Base));
    }
}

#[test]
fn without_a_change_under_test_the_base_tells() {
    use BaselineCause::{Base, EarlierMigration};
    use BaselineVerdict::Regressed;
    let accepted = baseline(vec![("typical", plan(20, 100, BITMAP))]);
    let worse = || today(None, plan(20, 400, SEQ));
    check_cause(&worse(), &accepted, Regressed, Some(EarlierMigration));
    let mut grown = worse();
    let orders = "orders".to_owned();
    grown
        .after
        .as_mut()
        .unwrap()
        .base
        .relations
        .insert(orders, 25_000);
    let checked = check(Some(&accepted), &grown, &Tolerances::default());
    assert_eq!(checked.moved, ["orders 2,500 rows → 25,000 rows"]);
    check_cause(&grown, &accepted, Regressed, Some(Base));
    let mut clock = worse();
    clock.follows_clock = true;
    check_cause(&clock, &accepted, Regressed, Some(Base));
}

#[test]
fn other_values_are_the_bases_doing() {
    let accepted = baseline(vec![("heavy", plan(20, 100, BITMAP))]);
    let other = |rows, blocks| {
        let mut after = plan(rows, blocks, BITMAP);
        after.values = Some("0000".to_owned());
        let mut today = today(None, BaselinePlan::default());
        today.after = Some(baseline(vec![("heavy", after)]));
        today
    };
    check_cause(&other(19, 100), &accepted, BaselineVerdict::Kept, None);
    let regressed = BaselineVerdict::Regressed;
    check_cause(
        &other(900, 400),
        &accepted,
        regressed,
        Some(BaselineCause::Base),
    );
    let checked = check(Some(&accepted), &other(900, 400), &Tolerances::default());
    assert_eq!(checked.moved, ["the values of `heavy`"]);
}

#[test]
fn a_plan_that_wavers_blames_nobody() {
    let accepted = baseline(vec![("typical", plan(20, 100, BITMAP))]);
    let mut wavers = today(Some(plan(20, 100, BITMAP)), plan(20, 400, SEQ));
    wavers.wavering.push("typical".to_owned());
    let checked = check(Some(&accepted), &wavers, &Tolerances::default());
    assert_eq!(checked.cause, Some(BaselineCause::Base));
    assert_eq!(checked.moved, ["the sample of ANALYZE for `typical`"]);
}

#[test]
fn a_set_that_is_no_longer_run_is_told() {
    let sets = vec![
        ("typical", plan(20, 3, BITMAP)),
        ("heavy", plan(20, 3, BITMAP)),
    ];
    let now = today(None, plan(20, 3, BITMAP));
    let checked = check(Some(&baseline(sets)), &now, &Tolerances::default());
    assert_eq!(checked.verdict, BaselineVerdict::Kept);
    assert_eq!(checked.sets[1].verdict, BaselineVerdict::NotRun);
}

#[test]
fn what_cannot_be_compared_says_so() {
    let verdict = |accepted: Option<&Baseline>, today| {
        check(accepted, &today, &Tolerances::default()).verdict
    };
    let now = || today(None, plan(20, 3, BITMAP));
    assert_eq!(verdict(None, now()), BaselineVerdict::NoBaseline);
    let mut accepted = baseline(vec![("heavy", plan(20, 3, BITMAP))]);
    assert_eq!(verdict(Some(&accepted), now()), BaselineVerdict::NoBaseline);
    accepted.statement = "another".to_owned();
    assert_eq!(
        verdict(Some(&accepted), now()),
        BaselineVerdict::StatementEdited
    );
    let mut failing = now();
    failing.after = None;
    assert_eq!(verdict(Some(&accepted), failing), BaselineVerdict::NotRun);
}

#[test]
fn every_part_of_the_base_can_move() {
    let mut other = base();
    other.server = "postgresql 16".to_owned();
    other.collation = "en_US.UTF-8".to_owned();
    other.seed = 7;
    other.scale = 2.5;
    other.data = None;
    other.settings.clear();
    other
        .settings
        .insert("random_page_cost".to_owned(), "1.1".to_owned());
    other.relations.insert("orders".to_owned(), 6250);
    insta::assert_snapshot!(moved(&base(), &other).join("\n"), @r"
    postgresql 15 → postgresql 16
    collation C → en_US.UTF-8
    seed 42 → 7
    scale 1 → 2.5
    random_page_cost its default → 1.1
    work_mem 64MB → its default
    orders 2,500 rows → 6,250 rows
    the files of the seed data
    ");
}

#[test]
fn accepting_changes_only_what_moved() {
    let tolerances = Tolerances::default();
    let accepted = baseline(vec![
        ("typical", plan(20, 100, BITMAP)),
        ("heavy", plan(20, 100, BITMAP)),
    ]);
    let mut now = baseline(vec![
        ("typical", plan(20, 108, BITMAP)),
        ("heavy", plan(20, 95, BITMAP)),
    ]);
    now.base.server = "postgresql 16".to_owned();
    assert_eq!(settle(Some(&accepted), &now, &tolerances), accepted);
    now.sets[1].plan = plan(20, 400, SEQ);
    let settled = settle(Some(&accepted), &now, &tolerances);
    assert_eq!(settled.base, now.base);
    assert_eq!(settled.sets[0], accepted.sets[0]);
    assert_eq!(settled.sets[1], now.sets[1]);
    assert_eq!(settle(None, &now, &tolerances), now);
    let mut edited = now.clone();
    edited.statement = "another".to_owned();
    assert_eq!(settle(Some(&accepted), &edited, &tolerances), edited);
    now.sets.truncate(1);
    assert_eq!(settle(Some(&accepted), &now, &tolerances).sets.len(), 1);
}

/// Text as names have it: anything on one line that neither begins nor ends with a blank.
fn name() -> impl Strategy<Value = String> {
    "[^\\s\\p{C}]([^\\r\\n\\p{C}]{0,10}[^\\s\\p{C}])?"
}

prop_compose! {
    fn any_plan()(
        rows in proptest::option::of(any::<u64>()),
        values in proptest::option::of("[0-9a-f]{4}"),
        blocks in any::<u64>(),
        spill_blocks in any::<u64>(),
        nodes in proptest::collection::vec((0..4_usize, "[A-Z]([^\\r\\n\\p{C}]{0,12}[^\\s\\p{C}])?"), 1..6),
    ) -> BaselinePlan {
        let mut deepest = 0;
        let nodes = nodes.into_iter().map(|(depth, node)| {
            let depth = depth.min(deepest);
            deepest = depth + 1;
            format!("{}{node}", "  ".repeat(depth))
        });
        BaselinePlan { rows, values, blocks, spill_blocks, nodes: nodes.collect() }
    }
}

prop_compose! {
    fn any_baseline()(
        names in proptest::array::uniform4(name()),
        data in proptest::option::of("[0-9a-f]{16}"),
        seed in any::<u64>(),
        scale in 0.001..1e9_f64,
        settings in proptest::collection::btree_map("[a-z_.]{1,9}", "([!-~]([ -~]{0,8}[!-~])?)?", 0..3),
        relations in proptest::collection::btree_map(name(), any::<u64>(), 0..3),
        plans in proptest::collection::btree_map("[a-z]{1,8}", any_plan(), 1..4),
    ) -> Baseline {
        let [query, statement, server, collation] = names;
        let base = BaselineBase { server, collation, seed, scale, data, settings, relations };
        let sets = plans.into_iter().map(|(label, plan)| BaselineSet { label, plan }).collect();
        Baseline { query, statement, base, sets }
    }
}

proptest! {
    #[test]
    fn a_file_gives_back_what_was_written(baseline in any_baseline()) {
        let text = render(&baseline);
        let read = parse(&text).unwrap();
        prop_assert_eq!(&read, &baseline);
        prop_assert_eq!(render(&read), text);
    }

    #[test]
    fn any_text_is_read_or_refused_within_its_lines(text in "(# dbproof baseline 1\n)?([a-z\\[\\] :=0-9]{0,12}\n?){0,9}") {
        if let Err(error) = parse(&text) {
            prop_assert!((1..=text.lines().count().max(1) + 1).contains(&(error.line as usize)));
        }
    }
}
