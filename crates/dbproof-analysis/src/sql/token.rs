//! PostgreSQL's lexical grammar: [`tokenize`].
//!
//! The rules are those of "Lexical Structure" in PostgreSQL's documentation, with
//! `standard_conforming_strings` on. Input that the server would refuse is read too: an
//! unterminated string reaches to the end of the input, and says so.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Blanks and line ends.
    Whitespace,
    /// `-- …` to the end of the line, without the line end.
    LineComment,
    /// `/* … */`, which nests.
    BlockComment,
    /// A keyword or an unquoted identifier.
    Word,
    /// `"…"` or `U&"…"`.
    QuotedIdentifier,
    /// `'…'` with any of the prefixes `E`, `B`, `X`, `N`, `U&`, or `$tag$…$tag$`.
    String,
    /// A number without its sign.
    Number,
    /// `$1`.
    Positional,
    /// One or more operator characters, or `:=`.
    Operator,
    /// `::`.
    Cast,
    /// One of `( ) [ ] , ; . :`.
    Punctuation,
    /// A character that PostgreSQL knows no use for.
    Unknown,
}

/// A piece of SQL text. The tokens of a text, put together, are that text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// The text as written.
    pub text: &'a str,
    /// Where it begins, in bytes.
    pub offset: usize,
    /// Whether its end was found; only strings, quoted identifiers and block comments lack one.
    pub terminated: bool,
}

impl Token<'_> {
    /// Where it ends, in bytes.
    #[must_use]
    pub fn end(&self) -> usize {
        self.offset + self.text.len()
    }

    /// Whether it is neither blank nor comment.
    #[must_use]
    pub fn is_significant(&self) -> bool {
        !matches!(
            self.kind,
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment
        )
    }

    /// Whether it is this keyword, however it is capitalised.
    #[must_use]
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is this punctuation or operator.
    #[must_use]
    pub fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.kind, TokenKind::Punctuation | TokenKind::Operator) && self.text == symbol
    }

    /// The identifier that it spells: unquoted ones folded to lower case, quoted ones unquoted.
    #[must_use]
    pub fn identifier(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_lowercase()),
            TokenKind::QuotedIdentifier => {
                let open = self.text.find('"').map_or(0, |quote| quote + 1);
                let inner = &self.text[open..];
                let inner = if self.terminated {
                    &inner[..inner.len() - 1]
                } else {
                    inner
                };
                Some(inner.replace("\"\"", "\""))
            }
            _ => None,
        }
    }
}

/// The tokens of a text, blanks and comments included. Never panics, whatever the text.
#[must_use]
pub fn tokenize(sql: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut offset = 0;
    while let Some((kind, length, terminated)) = next_token(&sql[offset..]) {
        tokens.push(Token {
            kind,
            text: &sql[offset..offset + length],
            offset,
            terminated,
        });
        offset += length;
    }
    tokens
}

/// The kind and length of the token at the beginning of `rest`, and whether its end was found.
fn next_token(rest: &str) -> Option<(TokenKind, usize, bool)> {
    let bytes = rest.as_bytes();
    let first = *bytes.first()?;
    let second = bytes.get(1).copied().unwrap_or(0);
    let whole = |kind, length| Some((kind, length, true));
    match (first, second) {
        (b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c, _) => whole(
            TokenKind::Whitespace,
            run(bytes, |b| {
                matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
            }),
        ),
        (b'-', b'-') => whole(
            TokenKind::LineComment,
            run(bytes, |b| !matches!(b, b'\n' | b'\r')),
        ),
        (b'/', b'*') => {
            let (length, terminated) = block_comment(bytes);
            Some((TokenKind::BlockComment, length, terminated))
        }
        (b'\'', _) => quoted(bytes, 0, b'\'', false, TokenKind::String),
        (b'"', _) => quoted(bytes, 0, b'"', false, TokenKind::QuotedIdentifier),
        (b'e' | b'E', b'\'') => quoted(bytes, 1, b'\'', true, TokenKind::String),
        (b'b' | b'B' | b'x' | b'X' | b'n' | b'N', b'\'') => {
            quoted(bytes, 1, b'\'', false, TokenKind::String)
        }
        (b'u' | b'U', b'&') if bytes.get(2) == Some(&b'\'') => {
            quoted(bytes, 2, b'\'', false, TokenKind::String)
        }
        (b'u' | b'U', b'&') if bytes.get(2) == Some(&b'"') => {
            quoted(bytes, 2, b'"', false, TokenKind::QuotedIdentifier)
        }
        (b'$', b'0'..=b'9') => whole(
            TokenKind::Positional,
            1 + run(&bytes[1..], |b| b.is_ascii_digit()),
        ),
        (b'$', _) => Some(match dollar_quoted(rest) {
            Some((length, terminated)) => (TokenKind::String, length, terminated),
            None => (TokenKind::Unknown, 1, true),
        }),
        (b'0'..=b'9', _) | (b'.', b'0'..=b'9') => whole(TokenKind::Number, number(bytes)),
        (b':', b':') => whole(TokenKind::Cast, 2),
        (b':', b'=') => whole(TokenKind::Operator, 2),
        (b'(' | b')' | b'[' | b']' | b',' | b';' | b'.' | b':', _) => {
            whole(TokenKind::Punctuation, 1)
        }
        (b, _) if is_operator(b) => whole(TokenKind::Operator, operator(bytes)),
        (b, _) if is_word_start(b) => whole(TokenKind::Word, run(bytes, is_word_part)),
        _ => whole(
            TokenKind::Unknown,
            rest.chars().next().map_or(1, char::len_utf8),
        ),
    }
}

fn run(bytes: &[u8], mut belongs: impl FnMut(u8) -> bool) -> usize {
    bytes
        .iter()
        .position(|b| !belongs(*b))
        .unwrap_or(bytes.len())
}

// Every byte of a character beyond ASCII is a letter to PostgreSQL, so runs of words never end
// inside of a character.
fn is_word_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn is_word_part(b: u8) -> bool {
    is_word_start(b) || b.is_ascii_digit() || b == b'$'
}

fn is_operator(b: u8) -> bool {
    matches!(
        b,
        b'+' | b'-'
            | b'*'
            | b'/'
            | b'<'
            | b'>'
            | b'='
            | b'~'
            | b'!'
            | b'@'
            | b'#'
            | b'%'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
    )
}

fn block_comment(bytes: &[u8]) -> (usize, bool) {
    let mut depth = 1_usize;
    let mut at = 2;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => {
                depth += 1;
                at += 2;
            }
            (b'*', Some(b'/')) => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return (at, true);
                }
            }
            _ => at += 1,
        }
    }
    (bytes.len(), false)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the arms of `next_token` are all of this shape"
)]
fn quoted(
    bytes: &[u8],
    prefix: usize,
    quote: u8,
    backslashes: bool,
    kind: TokenKind,
) -> Option<(TokenKind, usize, bool)> {
    let mut at = prefix + 1;
    while at < bytes.len() {
        if backslashes && bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at] != quote {
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return Some((kind, at + 1, true));
        }
    }
    Some((kind, bytes.len(), false))
}

/// The length of `$tag$…$tag$`, if `rest` begins with such an opening.
fn dollar_quoted(rest: &str) -> Option<(usize, bool)> {
    let bytes = rest.as_bytes();
    let tag = run(&bytes[1..], |b| is_word_part(b) && b != b'$');
    if bytes.get(1 + tag) != Some(&b'$') {
        return None;
    }
    let delimiter = &rest[..tag + 2];
    Some(match rest[delimiter.len()..].find(delimiter) {
        Some(inner) => (inner + 2 * delimiter.len(), true),
        None => (rest.len(), false),
    })
}

fn number(bytes: &[u8]) -> usize {
    if bytes[0] == b'0' {
        let radix = bytes.get(1).copied().unwrap_or(0);
        let digits = |belongs: fn(u8) -> bool| run(&bytes[2..], |b| belongs(b) || b == b'_');
        let length = match radix {
            b'x' | b'X' => digits(|b| b.is_ascii_hexdigit()),
            b'o' | b'O' => digits(|b| matches!(b, b'0'..=b'7')),
            b'b' | b'B' => digits(|b| matches!(b, b'0' | b'1')),
            _ => 0,
        };
        if length > 0 {
            return 2 + length;
        }
    }
    let decimal = |from: usize| run(&bytes[from..], |b| b.is_ascii_digit() || b == b'_');
    let mut at = decimal(0);
    // `1..2` is two numbers and a range in PL/pgSQL, not `1.` and `.2`.
    if bytes.get(at) == Some(&b'.') && bytes.get(at + 1) != Some(&b'.') {
        at += 1;
        at += decimal(at);
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        if bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit) {
            at += 1 + sign;
            at += decimal(at);
        }
    }
    at
}

fn operator(bytes: &[u8]) -> usize {
    let mut length = 0;
    while length < bytes.len() && is_operator(bytes[length]) {
        let comment = matches!(
            (bytes[length], bytes.get(length + 1)),
            (b'-', Some(b'-')) | (b'/', Some(b'*'))
        );
        if comment && length > 0 {
            break;
        }
        length += 1;
    }
    // An operator of several characters ends in + or - only if it holds one of these, so that
    // `a=-1` is a comparison with a negative number.
    let special = |b: &u8| {
        matches!(
            b,
            b'~' | b'!' | b'@' | b'#' | b'%' | b'^' | b'&' | b'|' | b'`' | b'?'
        )
    };
    while length > 1
        && matches!(bytes[length - 1], b'+' | b'-')
        && !bytes[..length].iter().any(special)
    {
        length -= 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::TokenKind::{
        BlockComment, Cast, LineComment, Number, Operator, Positional, Punctuation,
        QuotedIdentifier, String as Str, Unknown, Word,
    };
    use super::*;
    use crate::sql::literal::string_value;

    fn check(sql: &str, expected: &[(TokenKind, &str)]) {
        let tokens: Vec<_> = tokenize(sql)
            .into_iter()
            .filter(|t| t.kind != TokenKind::Whitespace)
            .map(|t| (t.kind, t.text))
            .collect();
        assert_eq!(tokens, expected, "{sql}");
    }

    #[test]
    fn strings_of_every_prefix() {
        check("'it''s'", &[(Str, "'it''s'")]);
        check(r"E'a\'b' x", &[(Str, r"E'a\'b'"), (Word, "x")]);
        check(r"'a\' x", &[(Str, r"'a\'"), (Word, "x")]);
        check(
            "B'01' X'1F' n'x' U&'d'",
            &[
                (Str, "B'01'"),
                (Str, "X'1F'"),
                (Str, "n'x'"),
                (Str, "U&'d'"),
            ],
        );
        check(
            "$$a;b$$ $t$ $$ $t$",
            &[(Str, "$$a;b$$"), (Str, "$t$ $$ $t$")],
        );
        check("a$b$c", &[(Word, "a$b$c")]);
        check("'open", &[(Str, "'open")]);
    }

    #[test]
    fn comments_nest_and_end() {
        check(
            "/* a /* b */ c */ x",
            &[(BlockComment, "/* a /* b */ c */"), (Word, "x")],
        );
        check(
            "1--x\n2",
            &[(Number, "1"), (LineComment, "--x"), (Number, "2")],
        );
        check(
            "a+/*c*/b",
            &[
                (Word, "a"),
                (Operator, "+"),
                (BlockComment, "/*c*/"),
                (Word, "b"),
            ],
        );
    }

    #[test]
    fn operators_casts_and_signs() {
        check(
            "a=-1",
            &[(Word, "a"), (Operator, "="), (Operator, "-"), (Number, "1")],
        );
        check("a @> b", &[(Word, "a"), (Operator, "@>"), (Word, "b")]);
        check("a @- b", &[(Word, "a"), (Operator, "@-"), (Word, "b")]);
        check(
            "a->>'x'::int",
            &[
                (Word, "a"),
                (Operator, "->>"),
                (Str, "'x'"),
                (Cast, "::"),
                (Word, "int"),
            ],
        );
        check(
            "f(a := 1)",
            &[
                (Word, "f"),
                (Punctuation, "("),
                (Word, "a"),
                (Operator, ":="),
                (Number, "1"),
                (Punctuation, ")"),
            ],
        );
        check(
            "a[1:2]",
            &[
                (Word, "a"),
                (Punctuation, "["),
                (Number, "1"),
                (Punctuation, ":"),
                (Number, "2"),
                (Punctuation, "]"),
            ],
        );
    }

    #[test]
    fn numbers_words_and_the_rest() {
        check(
            "1.5e-3 .5 0xFF 1_000 1.",
            &[
                (Number, "1.5e-3"),
                (Number, ".5"),
                (Number, "0xFF"),
                (Number, "1_000"),
                (Number, "1."),
            ],
        );
        check("1..2", &[(Number, "1"), (Punctuation, "."), (Number, ".2")]);
        check("$1 $23", &[(Positional, "$1"), (Positional, "$23")]);
        check(
            r#""A ""b""" größe"#,
            &[(QuotedIdentifier, r#""A ""b""""#), (Word, "größe")],
        );
        check(r"\ {", &[(Unknown, r"\"), (Unknown, "{")]);
    }

    #[test]
    fn identifiers_fold_and_unquote() {
        let identifier = |sql: &str| tokenize(sql)[0].identifier();
        assert_eq!(identifier("Orders").as_deref(), Some("orders"));
        assert_eq!(identifier("\"Or\"\"d\"").as_deref(), Some("Or\"d"));
        assert_eq!(identifier("\"open").as_deref(), Some("open"));
        assert_eq!(identifier("\"").as_deref(), Some(""));
    }

    proptest! {
        #[test]
        fn tokens_cover_any_input(sql in r#"([a-z0-9 '"$.:;,()\[\]/*@=<>+\-\\\n]|\PC|\$\$|/\*|\*/|--|E'|U&"){0,60}"#) {
            let tokens = tokenize(&sql);
            let mut end = 0;
            for token in &tokens {
                prop_assert_eq!(token.offset, end);
                prop_assert!(!token.text.is_empty());
                end = token.end();
                let _ = token.identifier();
                let _ = string_value(token.text);
            }
            prop_assert_eq!(end, sql.len());
        }
    }
}
