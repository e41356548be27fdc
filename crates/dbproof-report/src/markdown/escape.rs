//! Keeping what a record brings inside of the place where it is put.
//!
//! GitHub's Markdown has many ways out of a cell: pipes, backticks, HTML, brackets, mentions,
//! formulas. Entities are used where a backslash would not do: a backslash before a pipe is read
//! twice in a table, once for the cell and once for the text.

use std::fmt::Write;

use crate::document::many_lines;

/// Prose.
pub(crate) fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied();
        let inside = |edge: Option<char>| edge.is_some_and(char::is_alphanumeric);
        match c {
            '&' | '<' | '>' | '|' | '\\' | '`' => entity(&mut out, c),
            // Between letters it emphasises nothing, and names are full of it.
            '_' if inside(out.chars().next_back()) && inside(next) => out.push(c),
            '*' | '_' | '[' | ']' | '~' | '$' => out.extend(['\\', c]),
            // A space of no width keeps people and issues from being notified and linked.
            '@' => out.push_str("@\u{200b}"),
            '#' if next.is_some_and(|n| n.is_ascii_digit()) => out.push_str("#\u{200b}"),
            // Where an address would become a link.
            ':' if next == Some('/') => entity(&mut out, c),
            // What opens a heading, a list or a rule where a line begins with it.
            '#' | '-' | '+' | '=' if out.is_empty() => entity(&mut out, c),
            '.' | ')'
                if next.is_none_or(char::is_whitespace)
                    && out.chars().all(|c| c.is_ascii_digit()) =>
            {
                entity(&mut out, c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// A name or a statement on one line: a code span, or its HTML where the text has characters that
/// end a span or a cell.
pub(crate) fn code(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() {
        return String::new();
    }
    if !text.contains(['`', '|', '\\']) {
        return format!("`{text}`");
    }
    format!("<code>{}</code>", in_html(text))
}

/// Text between HTML tags inside of Markdown: neither language may see anything in it.
pub(crate) fn in_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_punctuation() && !",;()-/.".contains(c) {
            entity(&mut out, c);
        } else {
            out.push(c);
        }
    }
    out
}

/// Lines in a fence that is longer than any run of backticks in them.
pub(crate) fn fenced(text: &str, language: &str) -> String {
    let text = many_lines(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}{language}\n{text}\n{fence}\n")
}

fn entity(out: &mut String, c: char) {
    write!(out, "&#{};", u32::from(c)).expect("a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_prose() {
        let cases = [
            ("p95 is 0.4 ms - fine.", "p95 is 0.4 ms - fine."),
            ("a|b", "a&#124;b"),
            ("a\\|b", "a&#92;&#124;b"),
            ("</td><script>", "&#60;/td&#62;&#60;script&#62;"),
            ("![x](http://y)", "!\\[x\\](http&#58;//y)"),
            ("@team fixes #12", "@\u{200b}team fixes #\u{200b}12"),
            ("# title", "&#35; title"),
            ("- item", "&#45; item"),
            ("order_history _x_", "order_history \\_x\\_"),
            ("0.42", "0.42"),
            ("1. item", "1&#46; item"),
            (
                "*b* _i_ ~s~ $m$ `c`",
                "\\*b\\* \\_i\\_ \\~s\\~ \\$m\\$ &#96;c&#96;",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(prose(text), expected, "{text}");
        }
    }

    #[test]
    fn nothing_breaks_out_of_code() {
        assert_eq!(
            code("SELECT * FROM a WHERE id = $1"),
            "`SELECT * FROM a WHERE id = $1`"
        );
        assert_eq!(
            code("a || '`'"),
            "<code>a &#124;&#124; &#39;&#96;&#39;</code>"
        );
        assert_eq!(code("<b>"), "`<b>`");
        assert_eq!(code(" "), "");
        assert_eq!(fenced("a\n```\nb", "sql"), "````sql\na\n```\nb\n````\n");
    }
}
