//! Every finding that dbproof can make, one file a code.
//!
//! A finding's file holds its [`FindingKind`], the function that makes the [`Finding`] from what
//! the analysis saw, and its tests; the Markdown file of the same name is its page for
//! `dbproof explain CODE` and for the documentation. To add one: write the two files and add a
//! line to the list of modules and to [`ALL`].

pub mod capture_incomplete;
pub mod duplicate_query;
mod group_evidence;
pub mod n_plus_one;
pub mod n_plus_one_likely;
pub mod query_chain;
pub mod write_loop;

use dbproof_model::{Finding, Scenario, Severity};
use serde_json::Map;

/// What is the same for all findings of one code.
#[derive(Debug)]
pub struct FindingKind {
    /// The stable kebab-case code.
    pub code: &'static str,
    /// The scenario that makes it.
    pub scenario: Scenario,
    /// How much it usually matters.
    pub severity: Severity,
    /// What the code means, in a few words.
    pub title: &'static str,
    /// The page of `dbproof explain CODE`, in Markdown.
    pub page: &'static str,
}

impl FindingKind {
    /// A finding of this kind about `subject`, without evidence or remedy yet.
    pub fn about(&self, subject: impl Into<String>, message: impl Into<String>) -> Finding {
        Finding {
            code: self.code.to_owned(),
            severity: self.severity,
            scenario: self.scenario,
            subject: subject.into(),
            title: self.title.to_owned(),
            message: message.into(),
            location: None,
            evidence: Map::new(),
            remedy: None,
        }
    }
}

/// Every kind of finding, in alphabetical order of their codes.
pub const ALL: &[&FindingKind] = &[
    &capture_incomplete::KIND,
    &duplicate_query::KIND,
    &n_plus_one::KIND,
    &n_plus_one_likely::KIND,
    &query_chain::KIND,
    &write_loop::KIND,
];

/// The kind with this code.
#[must_use]
pub fn kind(code: &str) -> Option<&'static FindingKind> {
    ALL.iter().copied().find(|kind| kind.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_unique_and_kebab_case() {
        for pair in ALL.windows(2) {
            assert!(pair[0].code < pair[1].code, "{} before {}", pair[0].code, pair[1].code);
        }
        for kind in ALL {
            assert!(
                kind.code.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
                "{} is not kebab-case",
                kind.code
            );
        }
    }

    #[test]
    fn every_page_says_what_why_and_how_to_mend() {
        for kind in ALL {
            let page = kind.page;
            assert!(page.starts_with(&format!("# {}\n", kind.code)), "{}: heading", kind.code);
            for heading in ["## What it means", "## Why it matters", "## How to mend it"] {
                assert!(page.contains(heading), "{}: lacks {heading}", kind.code);
            }
        }
    }
}
