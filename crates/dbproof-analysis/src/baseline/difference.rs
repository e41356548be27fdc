//! Two texts as a unified diff, for a look before they are written: [`unified`].

use std::fmt::Write as _;
use std::ops::Range;

/// Lines around a difference that are shown with it.
const AROUND: usize = 3;

/// The unified diff from `old` to `new`, headed by the file's name on both sides; empty where they
/// are the same. A file that is not there on one side has no text there.
#[must_use]
pub fn unified(file: &str, old: Option<&str>, new: Option<&str>) -> String {
    let was: Vec<&str> = old.unwrap_or_default().lines().collect();
    let is: Vec<&str> = new.unwrap_or_default().lines().collect();
    let steps = steps(&was, &is);
    if steps.iter().all(|step| matches!(step, Step::Same(..))) {
        return String::new();
    }
    let side = |text: Option<&str>, letter: &str| match text {
        Some(_) => format!("{letter}/{file}"),
        None => "/dev/null".to_owned(),
    };
    let mut text = format!("--- {}\n+++ {}\n", side(old, "a"), side(new, "b"));
    for hunk in hunks(&steps) {
        push_hunk(&mut text, &steps[hunk], &was, &is);
    }
    text
}

/// One line of the way from one text to the other, by the lines' positions.
#[derive(Debug, Clone, Copy)]
enum Step {
    Same(usize, usize),
    Gone(usize, usize),
    New(usize, usize),
}

/// The shortest way, by the longest common subsequence of lines. Files have some dozens of lines, so
/// that a table of all pairs is small; what both begin and end with is left out of it.
fn steps(was: &[&str], is: &[&str]) -> Vec<Step> {
    let first = was.iter().zip(is).take_while(|(a, b)| a == b).count();
    let (was_left, is_left) = (&was[first..], &is[first..]);
    let both = was_left.iter().rev().zip(is_left.iter().rev());
    let last = both.take_while(|(a, b)| a == b).count();
    let was_left = &was_left[..was_left.len() - last];
    let is_left = &is_left[..is_left.len() - last];
    let width = is_left.len() + 1;
    let mut common = vec![0_usize; (was_left.len() + 1) * width];
    for (row, a) in was_left.iter().enumerate().rev() {
        for (column, b) in is_left.iter().enumerate().rev() {
            let at = row * width + column;
            common[at] = if a == b {
                common[at + width + 1] + 1
            } else {
                common[at + width].max(common[at + 1])
            };
        }
    }
    let mut steps: Vec<Step> = (0..first).map(|at| Step::Same(at, at)).collect();
    let (mut row, mut column) = (0, 0);
    while row < was_left.len() || column < is_left.len() {
        let at = row * width + column;
        let (old, new) = (first + row, first + column);
        let both = row < was_left.len() && column < is_left.len();
        if both && was_left[row] == is_left[column] {
            steps.push(Step::Same(old, new));
            (row, column) = (row + 1, column + 1);
        } else if column == is_left.len()
            || row < was_left.len() && common[at + width] >= common[at + 1]
        {
            steps.push(Step::Gone(old, new));
            row += 1;
        } else {
            steps.push(Step::New(old, new));
            column += 1;
        }
    }
    let tails = (was.len() - last, is.len() - last);
    steps.extend((0..last).map(|at| Step::Same(tails.0 + at, tails.1 + at)));
    steps
}

/// The stretches that hold a difference, with the lines around it.
fn hunks(steps: &[Step]) -> Vec<Range<usize>> {
    let mut hunks: Vec<Range<usize>> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        if matches!(step, Step::Same(..)) {
            continue;
        }
        let (from, to) = (
            at.saturating_sub(AROUND),
            (at + AROUND + 1).min(steps.len()),
        );
        match hunks.last_mut() {
            Some(last) if from <= last.end => last.end = to,
            _ => hunks.push(from..to),
        }
    }
    hunks
}

fn push_hunk(text: &mut String, steps: &[Step], was: &[&str], is: &[&str]) {
    let old = steps.iter().filter(|s| !matches!(s, Step::New(..))).count();
    let new = steps
        .iter()
        .filter(|s| !matches!(s, Step::Gone(..)))
        .count();
    let Some(Step::Same(row, column) | Step::Gone(row, column) | Step::New(row, column)) =
        steps.first().copied()
    else {
        return;
    };
    // A side without a line is counted from the line above.
    let start = |at: usize, count: usize| if count == 0 { at } else { at + 1 };
    let _ = writeln!(
        text,
        "@@ -{},{old} +{},{new} @@",
        start(row, old),
        start(column, new)
    );
    for step in steps {
        let _ = match *step {
            Step::Same(row, _) => writeln!(text, " {}", was[row]),
            Step::Gone(row, _) => writeln!(text, "-{}", was[row]),
            Step::New(_, column) => writeln!(text, "+{}", is[column]),
        };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_moved_plan_is_a_small_diff() {
        let old =
            "query: q\nseed: 42\n\n[typical]\nblocks: 3\nLimit\n  Index Scan on orders\n\nend\n";
        let new = old
            .replace("Index Scan", "Seq Scan")
            .replace(": 3", ": 225");
        insta::assert_snapshot!(unified("q.plan", Some(old), Some(&new)), @r"
        --- a/q.plan
        +++ b/q.plan
        @@ -2,8 +2,8 @@
         seed: 42
         
         [typical]
        -blocks: 3
        +blocks: 225
         Limit
        -  Index Scan on orders
        +  Seq Scan on orders
         
         end
        ");
    }

    #[test]
    fn files_come_and_go() {
        let new = unified("q.plan", None, Some("a\nb\n"));
        assert_eq!(
            new,
            "--- /dev/null\n+++ b/q.plan\n@@ -0,0 +1,2 @@\n+a\n+b\n"
        );
        let gone = unified("q.plan", Some("a\n"), None);
        assert_eq!(gone, "--- a/q.plan\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n");
        assert_eq!(unified("q.plan", Some("a\n"), Some("a\n")), "");
    }

    /// What `patch` makes of a text and a diff.
    fn patched(old: &str, diff: &str) -> String {
        let old: Vec<&str> = old.lines().collect();
        let (mut at, mut text) = (0, String::new());
        let mut push = |line: &str| {
            text.push_str(line);
            text.push('\n');
        };
        for line in diff.lines().skip(2) {
            if let Some(header) = line.strip_prefix("@@ -") {
                let (start, rest) = header.split_once(',').unwrap();
                let count: usize = rest.split(' ').next().unwrap().parse().unwrap();
                let start: usize = start.parse().unwrap();
                let start = if count == 0 { start } else { start - 1 };
                old[at..start].iter().for_each(|line| push(line));
                at = start;
            } else if let Some(line) = line.strip_prefix('+') {
                push(line);
            } else if let Some(line) = line.strip_prefix('-') {
                assert_eq!(old[at], line);
                at += 1;
            } else {
                assert_eq!(old[at], &line[1..]);
                push(old[at]);
                at += 1;
            }
        }
        old[at..].iter().for_each(|line| push(line));
        text
    }

    proptest! {
        #[test]
        fn applying_the_diff_gives_the_new_text(
            old in proptest::collection::vec("[abc]", 0..20),
            new in proptest::collection::vec("[abc]", 0..20),
        ) {
            let text = |lines: &[String]| -> String { lines.iter().flat_map(|l| [l.as_str(), "\n"]).collect() };
            let (old, new) = (text(&old), text(&new));
            let diff = unified("q.plan", Some(&old), Some(&new));
            prop_assert_eq!(patched(&old, &diff), new);
        }
    }
}
