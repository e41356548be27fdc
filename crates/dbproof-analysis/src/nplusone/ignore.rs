//! Repetition that is meant to be: [`IgnoreRule`].

use crate::sql::template;
use crate::traffic::Tags;

/// Repetition that is left alone, and why. It is found and told all the same, but fails nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreRule {
    /// What it is known by.
    pub pattern: IgnorePattern,
    /// Why it is left alone.
    pub reason: String,
}

/// What repetition that is left alone is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IgnorePattern {
    /// A part of the statement; its values and its layout do not matter.
    Template(String),
    /// A tag in the comments of the repeated statements: its key and its value.
    Tag(String, String),
}

impl IgnoreRule {
    /// A rule about statements that hold this part.
    #[must_use]
    pub fn template(part: &str, reason: &str) -> Self {
        Self {
            pattern: IgnorePattern::Template(template(part, &[]).shape),
            reason: reason.to_owned(),
        }
    }

    /// A rule about statements with this tag.
    #[must_use]
    pub fn tag(key: &str, value: &str, reason: &str) -> Self {
        Self {
            pattern: IgnorePattern::Tag(key.to_owned(), value.to_owned()),
            reason: reason.to_owned(),
        }
    }

    pub(super) fn is_about(&self, shape: &str, tags: Option<&Tags>) -> bool {
        match &self.pattern {
            IgnorePattern::Template(part) => shape.contains(part.as_str()),
            IgnorePattern::Tag(key, value) => {
                tags.and_then(|tags| tags.get(key)) == Some(value.as_str())
            }
        }
    }
}

impl std::fmt::Display for IgnorePattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            IgnorePattern::Template(part) => write!(f, "template `{part}`"),
            IgnorePattern::Tag(key, value) => write!(f, "tag `{key}={value}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_as_statements_are() {
        let rule = IgnoreRule::template("FROM \"users\"\n  WHERE id = 7", "known");
        assert!(rule.is_about("select name from users where id = ? limit ?", None));
        assert!(!rule.is_about("select name from orders where id = ?", None));
        let tags = Tags {
            pairs: vec![("route".to_owned(), "/admin".to_owned())],
        };
        let rule = IgnoreRule::tag("route", "/admin", "known");
        assert!(rule.is_about("select 1", Some(&tags)));
        assert!(!rule.is_about("select 1", None));
    }
}
