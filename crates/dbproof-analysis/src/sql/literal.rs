//! What string tokens stand for: [`string_value`].

/// The value of a string token: quotes, prefix and escapes taken off.
#[must_use]
pub fn string_value(text: &str) -> String {
    if let Some(after) = text.strip_prefix('$') {
        let tag = after.find('$').map_or(0, |end| end + 2);
        let inner = text.get(tag..text.len().saturating_sub(tag));
        return inner.unwrap_or_default().to_owned();
    }
    let Some(open) = text.find('\'') else {
        return text.to_owned();
    };
    let inner = &text[open + 1..];
    let unquoted = inner.strip_suffix('\'').unwrap_or(inner).replace("''", "'");
    if text.starts_with(['e', 'E']) {
        unescaped(&unquoted)
    } else {
        unquoted
    }
}

fn unescaped(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, if c == '\\' { rest.next() } else { None }) {
            (_, Some('n')) => value.push('\n'),
            (_, Some('t')) => value.push('\t'),
            (_, Some('r')) => value.push('\r'),
            (_, Some('b')) => value.push('\u{8}'),
            (_, Some('f')) => value.push('\u{c}'),
            // Numeric escapes are left as they stand: equal spellings still compare equal.
            (_, Some(digit @ ('0'..='7' | 'x' | 'u' | 'U'))) => value.extend(['\\', digit]),
            (_, Some(other)) => value.push(other),
            (plain, None) => value.push(plain),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_strings() {
        for (text, value) in [
            ("'it''s'", "it's"),
            (r"E'a\'b\n'", "a'b\n"),
            ("$$x$$", "x"),
            ("$t$x$t$", "x"),
            ("$t$x", ""),
            ("'open", "open"),
            ("X'1F'", "1F"),
        ] {
            assert_eq!(string_value(text), value, "{text}");
        }
    }
}
