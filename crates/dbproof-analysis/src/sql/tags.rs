//! The tags that sqlcommenter and its like put into comments: [`tags_of_comment`].

use percent_encoding::percent_decode_str;

use super::literal::string_value;

/// The tags of a `/* … */` or `-- …` comment: `key='url-encoded'` pairs, separated by commas. A
/// comment that holds anything else has none.
pub(crate) fn tags_of_comment(comment: &str) -> Vec<(String, String)> {
    let inner = comment
        .trim_start_matches(['/', '*', '-'])
        .trim_end_matches(['*', '/'])
        .trim();
    let pairs: Option<Vec<_>> = inner.split(',').map(tag).collect();
    pairs.unwrap_or_default()
}

fn tag(pair: &str) -> Option<(String, String)> {
    let (key, value) = pair.trim().split_once('=')?;
    let is_key = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '%');
    let value = value.trim();
    let is_quoted = value.len() >= 2 && value.starts_with('\'') && value.ends_with('\'');
    if key.is_empty() || !key.chars().all(is_key) || !is_quoted {
        return None;
    }
    // A quote inside of a value is written `\'`.
    let value = string_value(value).replace("\\'", "'");
    Some((decoded(key), decoded(&value)))
}

/// Percent-decoding; what is no escape stays as it is.
fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(comment: &str, expected: &[(&str, &str)]) {
        let tags = tags_of_comment(comment);
        let seen: Vec<_> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(seen, expected, "{comment}");
    }

    #[test]
    fn tags_are_decoded() {
        check(
            "/*route='%2Fpolls%201',test='a'*/",
            &[("route", "/polls 1"), ("test", "a")],
        );
        check(
            "/* traceparent='00-ab-cd-01' */",
            &[("traceparent", "00-ab-cd-01")],
        );
        check("-- unit='x'", &[("unit", "x")]);
        check(r"/*k='it\'s',p='100%'*/", &[("k", "it's"), ("p", "100%")]);
    }

    #[test]
    fn other_comments_have_none() {
        for comment in [
            "/* a = 'b */",
            "/* hint */",
            "/**/",
            "--",
            "/* a='b', or not */",
            "/*='x'*/",
        ] {
            check(comment, &[]);
        }
    }
}
