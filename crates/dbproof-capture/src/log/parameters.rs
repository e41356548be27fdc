//! The bound parameters of an entry: [`parameters`].

/// The values in an entry's detail, `$1` first; `None` is NULL. The form is that of
/// `BuildParamLogString` in PostgreSQL's source: `Parameters: $1 = 'it''s', $2 = NULL`, with a small
/// `p` before PostgreSQL 16.
pub(super) fn parameters(detail: &str) -> Vec<Option<String>> {
    let lower = detail.strip_prefix("parameters: ");
    let Some(mut rest) = lower.or_else(|| detail.strip_prefix("Parameters: ")) else {
        return Vec::new();
    };
    let mut values = Vec::new();
    while let Some((_, after)) = rest.strip_prefix('$').and_then(|r| r.split_once(" = ")) {
        let (value, after) = match after.strip_prefix('\'') {
            Some(quoted) => {
                let Some(end) = closing_quote(quoted) else {
                    break;
                };
                (Some(quoted[..end].replace("''", "'")), &quoted[end + 1..])
            }
            None => (None, after.strip_prefix("NULL").unwrap_or("")),
        };
        values.push(value);
        rest = after.strip_prefix(", ").unwrap_or("");
    }
    values
}

/// Where the quote is that closes a string; two of them are one of the text.
fn closing_quote(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return Some(at),
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_with_their_quotes() {
        let check = |detail: &str, expected: &[Option<&str>]| {
            let seen = parameters(detail);
            let seen: Vec<_> = seen.iter().map(Option::as_deref).collect();
            assert_eq!(seen, expected, "{detail}");
        };
        check("parameters: $1 = '42'", &[Some("42")]);
        check(
            "Parameters: $1 = 'it''s, $2 = x', $2 = NULL, $3 = ''",
            &[Some("it's, $2 = x"), None, Some("")],
        );
        check("prepare: PREPARE s AS select 1", &[]);
        check("parameters: $1 = 'open", &[]);
        check("", &[]);
    }
}
