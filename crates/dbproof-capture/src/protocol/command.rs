//! The SQL commands that give, use or take away the names of statements and cursors: [`Command`].

use dbproof_analysis::sql::{Token, TokenKind, string_value, tokenize};

/// A command that acts on what a session remembers. Names are folded as the server folds them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// `PREPARE name AS query`.
    Prepare { name: String, query: &'a str },
    /// `EXECUTE name (…)`.
    Execute {
        name: String,
        arguments: Vec<Argument>,
    },
    /// `DEALLOCATE name`. Of all, its tag tells.
    Deallocate { name: String },
    /// `DECLARE name CURSOR FOR query`.
    Declare {
        name: String,
        query: &'a str,
        hold: bool,
    },
    /// `FETCH … name` and `MOVE … name`.
    Fetch { name: String },
    /// `CLOSE name`; `None` is `CLOSE ALL`.
    Close { name: Option<String> },
    /// `ROLLBACK TO …`, which ends no transaction.
    RollbackTo,
    /// `COMMIT AND CHAIN` and `ROLLBACK AND CHAIN`, which begin the next transaction.
    Chain,
}

/// An argument of `EXECUTE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Argument {
    /// A literal; `None` is NULL.
    Value(Option<String>),
    /// `$1` is 0.
    Parameter(usize),
    /// An expression, whose value is not known.
    Expression,
}

impl<'a> Command<'a> {
    /// What a statement does to names; `None` for most statements, and that quickly.
    pub(super) fn of(sql: &'a str) -> Option<Self> {
        let word = first_word(sql)?;
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        let tokens = || {
            let mut tokens = tokenize(sql);
            tokens.retain(Token::is_significant);
            tokens
        };
        match word.as_bytes()[0] | 0x20 {
            b'p' if is("prepare") => prepare(sql, &tokens()),
            b'e' if is("execute") => execute(&tokens()),
            b'd' if is("deallocate") => deallocate(&tokens()),
            b'd' if is("declare") => declare(sql, &tokens()),
            b'f' if is("fetch") => fetch(&tokens()),
            b'm' if is("move") => fetch(&tokens()),
            b'c' if is("close") => close(&tokens()),
            b'c' if is("commit") => end(&tokens()),
            b'r' if is("rollback") => end(&tokens()),
            b'e' if is("end") => end(&tokens()),
            b'a' if is("abort") => end(&tokens()),
            _ => None,
        }
    }
}

/// The first word of a statement, after blanks and comments.
fn first_word(sql: &str) -> Option<&str> {
    let mut rest = sql;
    loop {
        rest = rest.trim_ascii_start();
        if let Some(comment) = rest.strip_prefix("--") {
            rest = comment.split_once('\n')?.1;
        } else if rest.starts_with("/*") {
            rest = after_comment(rest)?;
        } else {
            break;
        }
    }
    let end = rest
        .bytes()
        .position(|byte| !byte.is_ascii_alphabetic())
        .unwrap_or(rest.len());
    Some(&rest[..end]).filter(|word| !word.is_empty())
}

/// What follows a block comment; they nest.
fn after_comment(sql: &str) -> Option<&str> {
    let bytes = sql.as_bytes();
    let (mut at, mut depth) = (2, 1);
    while depth > 0 {
        match (bytes.get(at)?, bytes.get(at + 1)?) {
            (b'/', b'*') => (depth, at) = (depth + 1, at + 2),
            (b'*', b'/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    sql.get(at..)
}

fn prepare<'a>(sql: &'a str, tokens: &[Token<'a>]) -> Option<Command<'a>> {
    let name = tokens.get(1)?.identifier()?;
    let at = top_level(tokens, 2, "as")?;
    let query = &sql[tokens[at].end()..];
    Some(Command::Prepare { name, query })
}

fn execute(tokens: &[Token<'_>]) -> Option<Command<'static>> {
    let name = tokens.get(1)?.identifier()?;
    let arguments = match tokens.get(2..) {
        Some([open, inner @ .., close]) if open.is_symbol("(") && close.is_symbol(")") => {
            arguments(inner)
        }
        _ => Vec::new(),
    };
    Some(Command::Execute { name, arguments })
}

fn arguments(tokens: &[Token<'_>]) -> Vec<Argument> {
    let mut depth = 0_usize;
    let ends = |token: &Token<'_>| {
        match token.text {
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.is_symbol(",")
    };
    tokens.split(ends).map(argument).collect()
}

/// A literal or a parameter, perhaps with a cast.
fn argument(tokens: &[Token<'_>]) -> Argument {
    let (sign, rest) = match tokens {
        [sign, rest @ ..] if sign.is_symbol("-") => ("-", rest),
        all => ("", all),
    };
    let value = match rest {
        [value] => value,
        [value, cast, name @ ..]
            if cast.kind == TokenKind::Cast && name.iter().all(|t| t.kind == TokenKind::Word) =>
        {
            value
        }
        _ => return Argument::Expression,
    };
    match value.kind {
        TokenKind::Number => Argument::Value(Some(format!("{sign}{}", value.text))),
        TokenKind::String if sign.is_empty() => Argument::Value(Some(string_value(value.text))),
        TokenKind::Positional if sign.is_empty() => {
            let number = value.text[1..].parse::<usize>();
            let index = number.ok().and_then(|number| number.checked_sub(1));
            index.map_or(Argument::Expression, Argument::Parameter)
        }
        _ if value.is_word("null") => Argument::Value(None),
        _ => Argument::Expression,
    }
}

fn deallocate(tokens: &[Token<'_>]) -> Option<Command<'static>> {
    let at = if tokens.get(1)?.is_word("prepare") && tokens.len() > 2 {
        2
    } else {
        1
    };
    let name = &tokens[at];
    if name.is_word("all") {
        return None;
    }
    Some(Command::Deallocate {
        name: name.identifier()?,
    })
}

fn declare<'a>(sql: &'a str, tokens: &[Token<'a>]) -> Option<Command<'a>> {
    let name = tokens.get(1)?.identifier()?;
    let cursor = tokens.iter().position(|token| token.is_word("cursor"))?;
    let at = top_level(tokens, cursor, "for")?;
    let options = &tokens[cursor..at];
    let hold = options
        .windows(2)
        .any(|pair| pair[0].is_word("with") && pair[1].is_word("hold"));
    let query = &sql[tokens[at].end()..];
    Some(Command::Declare { name, query, hold })
}

fn fetch(tokens: &[Token<'_>]) -> Option<Command<'static>> {
    let name = tokens[1..].last()?.identifier()?;
    Some(Command::Fetch { name })
}

fn close(tokens: &[Token<'_>]) -> Option<Command<'static>> {
    let name = tokens.get(1)?;
    let name = (!name.is_word("all")).then(|| name.identifier());
    match name {
        None => Some(Command::Close { name: None }),
        Some(name) => Some(Command::Close { name: Some(name?) }),
    }
}

fn end(tokens: &[Token<'_>]) -> Option<Command<'static>> {
    let has = |first: &str, second: Option<&str>| {
        tokens.windows(2).any(|pair| {
            pair[0].is_word(first) && second.is_none_or(|second| pair[1].is_word(second))
        })
    };
    if has("to", None) {
        Some(Command::RollbackTo)
    } else if has("and", Some("chain")) {
        Some(Command::Chain)
    } else {
        None
    }
}

/// The first such keyword from a token on, outside of parentheses.
fn top_level(tokens: &[Token<'_>], from: usize, keyword: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        if token.kind == TokenKind::Punctuation {
            match token.text {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
        } else if depth == 0 && token.is_word(keyword) {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(sql: &str, expected: Option<&Command<'_>>) {
        assert_eq!(Command::of(sql).as_ref(), expected, "{sql}");
    }

    fn name(name: &str) -> String {
        name.to_owned()
    }

    #[test]
    fn most_statements_are_none() {
        for sql in [
            "",
            "-- nothing",
            "/* open",
            "select * from prepare",
            "begin",
            "commit",
            "rollback",
            "end",
            "commit and no chain",
            "prepare transaction 'x'",
            "deallocate all",
            "deallocate prepare all",
            "executed",
            "fetch",
            "fetch 'x'",
            "close",
        ] {
            check(sql, None);
        }
    }

    #[test]
    fn prepared_statements() {
        let query = " select $1";
        let expected = Command::Prepare {
            name: name("a"),
            query,
        };
        check("prepare A as select $1", Some(&expected));
        check(
            " /* /* x */ */ -- y\n PREPARE a(int, numeric(3,2)) AS select $1",
            Some(&expected),
        );
        let value = |value: &str| Argument::Value(Some(name(value)));
        let unknown = Argument::Expression;
        for (sql, arguments) in [
            ("execute a", vec![]),
            ("execute a(1)", vec![value("1")]),
            (
                "execute a(-1, 'x,''y'::character varying, null, $2)",
                vec![
                    value("-1"),
                    value("x,'y"),
                    Argument::Value(None),
                    Argument::Parameter(1),
                ],
            ),
            (
                "execute a(1 + 1, 7, now())",
                vec![unknown.clone(), value("7"), unknown.clone()],
            ),
            ("execute a(f(2, 3), array[1, 2], $0)", vec![unknown; 3]),
        ] {
            let expected = Command::Execute {
                name: name("a"),
                arguments,
            };
            check(sql, Some(&expected));
        }
        check(
            "deallocate \"A\"",
            Some(&Command::Deallocate { name: name("A") }),
        );
        check(
            "deallocate prepare a",
            Some(&Command::Deallocate { name: name("a") }),
        );
    }

    #[test]
    fn cursors() {
        let declared = |hold| Command::Declare {
            name: name("c"),
            query: " select 1",
            hold,
        };
        check("declare c cursor for select 1", Some(&declared(false)));
        check(
            "DECLARE c NO SCROLL CURSOR WITHOUT HOLD FOR select 1",
            Some(&declared(false)),
        );
        check(
            "declare c cursor with hold for select 1",
            Some(&declared(true)),
        );
        for sql in [
            "fetch c",
            "fetch forward 10 from c",
            "move all in C",
            "fetch next \"c\"",
        ] {
            check(sql, Some(&Command::Fetch { name: name("c") }));
        }
        check(
            "close c",
            Some(&Command::Close {
                name: Some(name("c")),
            }),
        );
        check("close all", Some(&Command::Close { name: None }));
    }

    #[test]
    fn ends_of_transactions() {
        for sql in [
            "rollback to s",
            "ROLLBACK WORK TO SAVEPOINT s",
            "abort to s",
        ] {
            check(sql, Some(&Command::RollbackTo));
        }
        for sql in [
            "commit and chain",
            "end work and chain",
            "rollback and chain",
        ] {
            check(sql, Some(&Command::Chain));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(
            sql in r"(prepare|execute|deallocate|declare|cursor|for|as|fetch|close|all|to|and|[a-z ,()\[\]'$/*-]|\PC){0,12}",
        ) {
            Command::of(&sql);
        }
    }
}
