//! The tag of CommandComplete: [`Tag`], and the state of ErrorResponse: [`sql_state`].

use dbproof_analysis::traffic::SqlState;

use super::body::Body;

/// What CommandComplete tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag<'a> {
    /// The command, without numbers.
    pub(super) name: &'a [u8],
    /// How many rows it returned or affected, where it tells.
    pub(super) rows: Option<u64>,
}

impl<'a> Tag<'a> {
    /// Reads `SELECT 5`, `INSERT 0 5`, `BEGIN` and the like.
    pub(super) fn read(body: &'a [u8]) -> Self {
        let tag = Body(body).text().unwrap_or(body);
        let mut name = tag;
        let mut rows = None;
        while let Some(space) = name.iter().rposition(|byte| *byte == b' ') {
            let number = std::str::from_utf8(&name[space + 1..]).map(str::parse::<u64>);
            let Ok(Ok(number)) = number else { break };
            rows = rows.or(Some(number));
            name = &name[..space];
        }
        Self { name, rows }
    }
}

/// The SQLSTATE of an ErrorResponse: fields of a byte and a text each.
pub(super) fn sql_state(body: &[u8]) -> Option<SqlState> {
    let mut body = Body(body);
    loop {
        let kind = body.byte()?;
        let value = body.text()?;
        if kind == b'C' {
            return value.try_into().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags() {
        for (body, name, rows) in [
            ("SELECT 5\0", "SELECT", Some(5)),
            ("INSERT 0 7\0", "INSERT", Some(7)),
            ("BEGIN\0", "BEGIN", None),
            ("START TRANSACTION\0", "START TRANSACTION", None),
            ("COPY 3", "COPY", Some(3)),
            ("", "", None),
        ] {
            let tag = Tag::read(body.as_bytes());
            assert_eq!((tag.name, tag.rows), (name.as_bytes(), rows), "{body}");
        }
    }

    #[test]
    fn states() {
        let body = b"SERROR\0VERROR\0C42P01\0Mwhat\0\0";
        assert_eq!(sql_state(body), Some(*b"42P01"));
        assert_eq!(sql_state(b"SERROR\0\0"), None);
        assert_eq!(sql_state(b"C42\0\0"), None);
    }
}
