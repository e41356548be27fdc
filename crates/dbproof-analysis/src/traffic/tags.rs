//! The tags that an application put into its comments: [`Tags`].

use dbproof_model::GroupOrigin;

/// The tags of a statement's comments (sqlcommenter), in the order in which they stand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags {
    /// Key and value, decoded.
    pub pairs: Vec<(String, String)>,
}

/// Tags that name one request, test or job; `route` and `controller` name many at once.
const UNIT_TAGS: &[&str] = &[
    "traceparent",
    "trace_id",
    "request_id",
    "unit",
    "test",
    "test_name",
    "job_id",
];

impl Tags {
    /// The value of a tag.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(k, _)| k == key)?;
        Some(value)
    }

    /// What tells one request, test or job from the next, where a tag does.
    #[must_use]
    pub fn unit(&self) -> Option<&str> {
        UNIT_TAGS.iter().find_map(|key| {
            let value = self.get(key)?;
            // Of `version-trace-span-flags`, the span differs within a request.
            let trace = value.split('-').nth(1).filter(|_| *key == "traceparent");
            Some(trace.unwrap_or(value))
        })
    }

    /// The place in an application that they name, if they name one; its count of executions is 0.
    #[must_use]
    pub fn origin(&self) -> Option<GroupOrigin> {
        let one_of = |keys: &[&str]| {
            let value = keys.iter().find_map(|key| self.get(key));
            value.map(str::to_owned)
        };
        let mut origin = GroupOrigin {
            file: one_of(&["file"]),
            line: self.get("line").and_then(|line| line.parse().ok()),
            function: one_of(&["func", "function"]),
            route: one_of(&["route"]),
            controller: one_of(&["controller"]),
            action: one_of(&["action"]),
            executions: 0,
        };
        // `app/models/user.rb:12`, as Rails writes it.
        if origin.file.is_none()
            && let Some(place) = self.get("source_location")
        {
            let (file, line) = place.split_once(':').unwrap_or((place, ""));
            origin.file = Some(file.to_owned());
            let digits = line.split(':').next().unwrap_or_default();
            origin.line = digits.parse().ok();
        }
        (origin != GroupOrigin::default()).then_some(origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_of_a_traceparent_is_the_unit() {
        let tags = |pairs: &[(&str, &str)]| Tags {
            pairs: pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        };
        assert_eq!(
            tags(&[("route", "/x"), ("traceparent", "00-ab-cd-01")]).unit(),
            Some("ab")
        );
        assert_eq!(tags(&[("test", "a-b-c")]).unit(), Some("a-b-c"));
        assert_eq!(tags(&[("route", "/x")]).unit(), None);
    }
}
