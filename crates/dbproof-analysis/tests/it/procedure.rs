//! The whole procedure of `regress` on recorded sessions: two planned looks and a confirmation.

use dbproof_analysis::comparison::{Outcome, Rules, judge};

use crate::noise::{Comparison, Session};

/// Sessions of the first look, and of the confirmation; the second look takes twice as many more.
const LOOK: usize = 10;

/// The same sessions with each block of ten in every role: sessions are independent of each other, so
/// that a comparison is four, though not four independent ones.
pub(crate) fn rotations(comparison: &Comparison) -> Vec<Comparison> {
    (0..4)
        .map(|turns| {
            let mut turned = comparison.clone();
            turned.sessions.rotate_left(turns * LOOK);
            turned
        })
        .collect()
}

/// What the procedure concludes from 40 sessions, as `dbproof-scenarios/src/regress/timing.rs` takes
/// them: 10, where these do not decide 20 more, and 10 fresh ones that have to agree.
pub(crate) fn outcome(sessions: &[Session]) -> Outcome {
    assert!(sessions.len() >= 4 * LOOK, "{} sessions", sessions.len());
    let looks = Rules {
        alpha: Rules::default().alpha / 2.0,
        ..Rules::default()
    };
    let judged =
        |sessions: &[Session], rules: &Rules| judge(&[sessions.to_vec()], rules)[0].outcome;
    let first = judged(&sessions[..LOOK], &looks);
    let found = match first {
        Outcome::Inconclusive => judged(&sessions[..3 * LOOK], &looks),
        decided => decided,
    };
    match found {
        Outcome::Slower | Outcome::Faster => {
            let fresh = judged(&sessions[3 * LOOK..4 * LOOK], &Rules::default());
            if fresh == found {
                found
            } else {
                Outcome::Inconclusive
            }
        }
        undecided => undecided,
    }
}
