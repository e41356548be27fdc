//! The tags that an application put into its comments: [`Tags`].

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
