//! A command line without the passwords that it may hold: [`masked`].

use super::connection_string::ConnectionString;

/// What stands in the place of a password.
const MASK: &str = "…";

/// The argument to be shown, without any of these passwords, without that of any URL, and
/// without what follows `password=`.
pub(super) fn masked(argument: &str, passwords: &[String]) -> String {
    if let Some(string) = ConnectionString::parse(argument) {
        let place = string.place();
        return string.shown(&place.host, place.port);
    }
    let mut text = without_assigned(&without_credentials(argument));
    for password in passwords.iter().filter(|p| !p.is_empty()) {
        text = text.replace(password.as_str(), MASK);
    }
    text
}

/// `scheme://user:…@host` wherever it stands.
pub(crate) fn without_credentials(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        shown.push_str(before);
        rest = after;
        let end = after
            .find(|c: char| c.is_whitespace() || c == '"' || c == '\'')
            .unwrap_or(after.len());
        let Some(host) = after[..end].rfind('@') else {
            continue;
        };
        if let Some((user, _)) = after[..host].split_once(':') {
            shown.push_str(user);
            shown.push(':');
            shown.push_str(MASK);
            rest = &after[host..];
        }
    }
    shown + rest
}

/// `password=…`, in whatever case, with whatever before it.
fn without_assigned(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut shown = String::new();
    let mut done = 0;
    for (at, word) in lower.match_indices("password=") {
        let start = at + word.len();
        if start < done {
            continue;
        }
        shown.push_str(&text[done..start]);
        shown.push_str(MASK);
        let rest = &text[start..];
        let length = match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => rest[1..].find(quote).map(|end| end + 2),
            _ => rest.find(|c: char| c.is_whitespace() || "&;'\"".contains(c)),
        };
        done = start + length.unwrap_or(rest.len());
    }
    shown + &text[done..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_of_a_command_line_is_shown() {
        let passwords = ["hunter2".to_owned(), String::new()];
        let cases = [
            ("pytest", "pytest"),
            ("postgres://bob:p%40ss@db:1/x?a=b", "postgres://bob@db:1/x"),
            (
                "--url=postgres://bob:p@ss@db/x then more",
                "--url=postgres://bob:…@db/x then more",
            ),
            (
                "PGPASSWORD=abc psql -c 'select 1'",
                "PGPASSWORD=… psql -c 'select 1'",
            ),
            ("psql 'password='a b' x=1", "psql 'password=… x=1"),
            ("echo hunter2", "echo …"),
            (
                "redis://:pw@host redis://host",
                "redis://:…@host redis://host",
            ),
            ("password=", "password=…"),
        ];
        for (argument, expected) in cases {
            assert_eq!(masked(argument, &passwords), expected, "{argument}");
        }
    }
}
