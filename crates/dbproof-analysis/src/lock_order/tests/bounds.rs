//! The search's bounds: many transactions, long ones, and what is said of what was left out.

use std::time::Instant;

use dbproof_model::Schema;

use super::rules::updates;
use super::{Told, check, search_of, told};

/// A long time for a search, even on a machine that is busy and without optimisation.
const LONG_SECONDS: u64 = 120;

fn timed(told: &[Told]) -> super::Candidates {
    let start = Instant::now();
    let found = search_of(told, &Schema::default());
    assert!(
        start.elapsed().as_secs() < LONG_SECONDS,
        "{:?}",
        start.elapsed()
    );
    println!(
        "{} transactions: {} groups in {:?}, {:?}",
        told.len(),
        found.groups.len(),
        start.elapsed(),
        found.limits
    );
    found
}

#[test]
fn many_transactions_that_lock_alike_are_looked_at_once() {
    let sorted: Vec<Told> = (0..400)
        .map(|n| updates(&format!("t{n}"), &[("accounts", n), ("accounts", n + 1)]))
        .collect();
    let found = timed(&sorted);
    assert!(
        found.groups.is_empty() && found.limits.is_empty(),
        "{:?}",
        found.limits
    );
}

#[test]
fn four_hundred_transactions_that_all_contradict_are_cut_and_told() {
    let mixed: Vec<Told> = (0..400)
        .map(|n| {
            let rows = [
                ("accounts", 1 + n % 7),
                ("accounts", 1 + n % 5),
                ("orders", n % 3),
            ];
            let mut rows: Vec<(&str, u32)> = rows.to_vec();
            let turned = n as usize % 3;
            rows.rotate_left(turned);
            updates(&format!("t{n}"), &rows)
        })
        .collect();
    let found = timed(&mixed);
    assert!(!found.groups.is_empty());
    assert!(
        found
            .limits
            .iter()
            .any(|limit| limit.contains("more possible deadlocks")),
        "{:?}",
        found.limits
    );
}

#[test]
fn all_transactions_different_and_sorted_over_many_tables() {
    let tables: Vec<String> = (0..40).map(|n| format!("t{n:02}")).collect();
    let sorted: Vec<Told> = (0..400_u32)
        .map(|n| {
            let table = |k: u32| tables[((n * 7 + k * (1 + n % 5)) % 40) as usize].as_str();
            let mut rows: Vec<(&str, u32)> = (0..6).map(|k| (table(k), n % 9)).collect();
            rows.sort_unstable();
            rows.dedup();
            updates(&format!("x{n}"), &rows)
        })
        .collect();
    let found = timed(&sorted);
    assert!(found.groups.is_empty(), "{:?}", found.groups.len());
}

#[test]
fn a_long_transaction_is_thinned_and_its_turn_is_kept() {
    let long = |name, turn: Option<usize>| {
        let mut ids: Vec<u32> = (0..200).collect();
        if let Some(at) = turn {
            ids.swap(at, at + 1);
        }
        let rows: Vec<(&str, u32)> = ids.into_iter().map(|id| ("accounts", id)).collect();
        updates(name, &rows)
    };
    let found = check(&[long("sorted", None)], &[]);
    assert_eq!(found.limits.len(), 1, "{:?}", found.limits);
    check(
        &[long("a", None), long("b", Some(77))],
        &["a b: accounts", "b b: accounts"],
    );
}

#[test]
fn a_transaction_that_needs_more_rows_than_were_seen_is_told() {
    let both = |name, rows: [u32; 2]| {
        let lock = "select 1 from carts where id = 1 for update";
        let rows = rows.map(|id| {
            (
                format!("update accounts set n = 0 where id = {id}"),
                format!("accounts {id} n"),
            )
        });
        told(
            name,
            &[
                (lock, "carts 1 u"),
                ("update carts set n = 0 where id = 2", "carts 2 n"),
                (&rows[0].0, &rows[0].1),
                (&rows[1].0, &rows[1].1),
            ],
        )
    };
    let found = search_of(&[both("a", [1, 2]), both("b", [2, 1])], &Schema::default());
    assert!(found.groups.is_empty());
    assert!(
        found
            .limits
            .iter()
            .any(|limit| limit.contains("more different rows")),
        "{:?}",
        found.limits
    );
}
