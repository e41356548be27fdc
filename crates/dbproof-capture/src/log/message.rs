//! What an entry of the log says of a statement: [`read`].

/// What an entry says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Message<'a> {
    /// A statement begins (`log_statement`).
    Begins(&'a str),
    /// A statement is done, and how long it took in microseconds (`log_min_duration_statement`).
    Done(&'a str, u64),
    /// The statement that began is done, and how long it took (`log_duration`).
    Took(u64),
    /// Anything else, of which parsing and binding are parts of an execution that follows.
    Other,
}

/// Reads the message of an entry of severity LOG. The words are those of `exec_simple_query` and
/// `exec_execute_message` in PostgreSQL's source, in English.
pub(super) fn read(message: &str) -> Message<'_> {
    let Some(rest) = message.strip_prefix("duration: ") else {
        return statement(message).map_or(Message::Other, Message::Begins);
    };
    let Some((number, rest)) = rest.split_once(" ms") else {
        return Message::Other;
    };
    let Some(took) = microseconds(number) else {
        return Message::Other;
    };
    match rest.trim_start() {
        "" => Message::Took(took),
        rest => statement(rest).map_or(Message::Other, |sql| Message::Done(sql, took)),
    }
}

/// The text after `statement: ` or `execute NAME: `.
fn statement(text: &str) -> Option<&str> {
    if let Some(sql) = text.strip_prefix("statement: ") {
        return Some(sql);
    }
    let rest = text.strip_prefix("execute ")?;
    // A name may hold anything, but drivers' names hold no colon.
    let (_, sql) = rest.split_once(": ")?;
    Some(sql)
}

fn microseconds(number: &str) -> Option<u64> {
    let milliseconds: f64 = number.trim().parse().ok()?;
    let duration = std::time::Duration::try_from_secs_f64(milliseconds / 1e3).ok()?;
    u64::try_from(duration.as_micros()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_logging_a_statement_is_read() {
        let check = |message: &str, expected: Message<'_>| assert_eq!(read(message), expected);
        check("statement: select 1", Message::Begins("select 1"));
        check("execute <unnamed>: select $1", Message::Begins("select $1"));
        check(
            "duration: 1.250 ms  statement: select 1",
            Message::Done("select 1", 1250),
        );
        check(
            "duration: 0.031 ms  execute s_1/c_1: select ': '",
            Message::Done("select ': '", 31),
        );
        check(
            "duration: 0.5 ms  execute fetch from c1: select 2",
            Message::Done("select 2", 500),
        );
        check("duration: 0.024 ms", Message::Took(24));
    }

    #[test]
    fn what_is_no_execution_is_not() {
        for other in [
            "duration: 0.1 ms  parse <unnamed>: select 1",
            "duration: 0.1 ms  bind <unnamed>: select 1",
            "duration: soon",
            "duration: x ms  statement: select 1",
            "connection authorized: user=x",
            "execute",
            "",
        ] {
            assert_eq!(read(other), Message::Other, "{other}");
        }
    }
}
