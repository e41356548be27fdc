//! False alarms and power on recorded times. These are the same in every run, and so are the counts.

use dbproof_analysis::comparison::Outcome;

use crate::noise::{Comparison, in_one_session, in_sessions};
use crate::procedure::{outcome, rotations};

/// Every comparison in the four orders of its blocks.
fn corpus(pinned: bool) -> Vec<Comparison> {
    let comparisons = in_sessions();
    let chosen = comparisons.iter().filter(|c| c.pinned == pinned);
    chosen.flat_map(rotations).collect()
}

/// Those whose times are long enough for a tenth of them to matter: less than 50 µs is no difference,
/// by rule.
fn long_enough(pinned: bool) -> Vec<Comparison> {
    let mut corpus = corpus(pinned);
    corpus.retain(|comparison| comparison.query != "lookup");
    corpus
}

fn count(
    corpus: &[Comparison],
    wanted: Outcome,
    change: impl Fn(&Comparison) -> Comparison,
) -> usize {
    corpus
        .iter()
        .filter(|comparison| outcome(&change(comparison).sessions) == wanted)
        .count()
}

#[test]
fn the_corpus_holds_every_load_pinned_and_not() {
    for corpus in [in_sessions(), in_one_session()] {
        for load in ["alone", "busy", "bursty"] {
            for pinned in [true, false] {
                for query in ["lookup", "aggregate", "function"] {
                    let cell = corpus.iter().filter(|comparison| {
                        comparison.load == load
                            && comparison.pinned == pinned
                            && comparison.query == query
                    });
                    assert!(cell.count() >= 2, "{load} {pinned} {query}");
                }
            }
        }
        for time in corpus.iter().flat_map(|c| c.sessions.iter().flatten()) {
            assert!(time.0 > 0.0 && time.1 > 0.0);
        }
    }
}

#[test]
fn identical_sides_raise_no_alarm() {
    for pinned in [true, false] {
        let corpus = corpus(pinned);
        assert_eq!(corpus.len(), 72);
        for alarm in [Outcome::Slower, Outcome::Faster] {
            assert_eq!(count(&corpus, alarm, Clone::clone), 0, "{alarm:?}");
        }
    }
}

#[test]
fn pinned_identical_sides_are_shown_to_be_the_same() {
    let same = count(&corpus(true), Outcome::Same, Clone::clone);
    assert!(same * 10 >= 72 * 9, "{same} of 72");
}

/// The effect, and how many of 48 are found where it is multiplied, and where it is added.
type Found = (f64, usize, usize);

/// Effects that are planted: `docs/benchmarks.md` states these counts.
#[track_caller]
fn check(pinned: bool, expected: &[Found]) {
    let corpus = long_enough(pinned);
    assert_eq!(corpus.len(), 48);
    let found: Vec<Found> = expected
        .iter()
        .map(|(effect, ..)| {
            let slower = |change: &dyn Fn(&Comparison) -> Comparison| {
                count(&corpus, Outcome::Slower, change)
            };
            (
                *effect,
                slower(&|c| c.multiplied(*effect)),
                slower(&|c| c.added(*effect)),
            )
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn pinned_every_effect_of_a_tenth_is_found() {
    check(true, &[(0.10, 48, 48), (0.15, 48, 48), (0.20, 48, 48)]);
}

#[test]
fn unpinned_less_is_found() {
    check(false, &[(0.10, 13, 13), (0.15, 24, 21), (0.20, 36, 40)]);
}

#[test]
fn a_direction_is_never_the_wrong_one() {
    for pinned in [true, false] {
        let corpus = long_enough(pinned);
        for effect in [0.10, 0.15, 0.20] {
            let faster = Outcome::Faster;
            assert_eq!(count(&corpus, faster, |c| c.multiplied(effect)), 0);
            assert_eq!(count(&corpus, faster, |c| c.added(effect)), 0);
            let turned = |c: &Comparison| c.multiplied(effect).exchanged();
            assert_eq!(count(&corpus, Outcome::Slower, turned), 0);
        }
    }
    // What is slower is faster with its sides exchanged.
    let turned = |c: &Comparison| c.multiplied(0.15).exchanged();
    assert_eq!(count(&long_enough(true), Outcome::Faster, turned), 48);
}
