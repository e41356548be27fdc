//! The parameters of TLS in a URL or connection string: [`TlsParameters`].
//!
//! tokio-postgres knows `disable`, `prefer` and `require` alone and refuses the rest, so these are
//! read here and taken out of what it is given.

use super::TlsMode;

/// What a URL or connection string says about TLS, in libpq's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsParameters {
    pub(crate) sslmode: Option<String>,
    pub(crate) sslrootcert: Option<String>,
    pub(crate) sslcert: Option<String>,
    pub(crate) sslkey: Option<String>,
}

impl TlsParameters {
    fn slot(&mut self, key: &str) -> Option<&mut Option<String>> {
        match key {
            "sslmode" => Some(&mut self.sslmode),
            "sslrootcert" => Some(&mut self.sslrootcert),
            "sslcert" => Some(&mut self.sslcert),
            "sslkey" => Some(&mut self.sslkey),
            _ => None,
        }
    }

    /// Whether the system's authorities are asked for.
    pub(crate) fn system_roots(&self) -> bool {
        self.sslrootcert.as_deref() == Some("system")
    }

    /// The mode; `None` is no TLS at all.
    pub(crate) fn mode(&self) -> Result<Option<TlsMode>, String> {
        let mode = match self.sslmode.as_deref() {
            None if self.system_roots() => Some(TlsMode::VerifyFull),
            None | Some("prefer") => Some(TlsMode::Prefer),
            Some("disable") => None,
            Some("require") => Some(TlsMode::Require),
            Some("verify-ca") => Some(TlsMode::VerifyCa),
            Some("verify-full") => Some(TlsMode::VerifyFull),
            Some(_) => {
                return Err("sslmode is one of disable, prefer, require, verify-ca and \
                            verify-full"
                    .to_owned());
            }
        };
        // Anybody can have a certificate that the system trusts; only the name tells who it is.
        if self.system_roots() && mode != Some(TlsMode::VerifyFull) {
            return Err("sslrootcert=system needs sslmode=verify-full".to_owned());
        }
        Ok(mode)
    }
}

/// Takes the parameters of TLS out of a URL or connection string.
pub(crate) fn take_parameters(text: &str) -> (TlsParameters, String) {
    let scheme = ["postgres://", "postgresql://"]
        .iter()
        .find(|scheme| text.starts_with(**scheme));
    match scheme {
        Some(scheme) => from_url(text, scheme.len()),
        None => from_key_values(text),
    }
}

fn from_url(url: &str, after_scheme: usize) -> (TlsParameters, String) {
    let mut parameters = TlsParameters::default();
    // A `?` of the password comes before the first `@`, which ends the credentials.
    let after_user = url.find('@').map_or(after_scheme, |at| at + 1);
    let Some(start) = url[after_user..].find('?').map(|at| after_user + at) else {
        return (parameters, url.to_owned());
    };
    let rest: Vec<&str> = url[start + 1..]
        .split('&')
        .filter(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match parameters.slot(key) {
                Some(slot) => {
                    *slot = Some(percent_decode(value));
                    false
                }
                None => true,
            }
        })
        .collect();
    let mut stripped = url[..start].to_owned();
    if !rest.is_empty() {
        stripped.push('?');
        stripped.push_str(&rest.join("&"));
    }
    (parameters, stripped)
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `key = value` pairs, where a value may stand in single quotes and `\` escapes.
fn from_key_values(text: &str) -> (TlsParameters, String) {
    let mut parameters = TlsParameters::default();
    let mut stripped = String::new();
    let mut rest = text;
    while let Some(equals) = rest.find('=') {
        let (value, length) = value(&rest[equals + 1..]);
        let end = equals + 1 + length;
        match parameters.slot(rest[..equals].trim()) {
            Some(slot) => *slot = Some(value),
            None => stripped.push_str(&rest[..end]),
        }
        rest = &rest[end..];
    }
    stripped.push_str(rest);
    (parameters, stripped)
}

/// The value at the beginning of the text, and how many bytes it takes.
fn value(text: &str) -> (String, usize) {
    let mut value = String::new();
    let mut characters = text.char_indices().peekable();
    while characters.next_if(|(_, c)| c.is_whitespace()).is_some() {}
    let quoted = characters.next_if(|(_, c)| *c == '\'').is_some();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return (value, at + 1),
            c if c.is_whitespace() && !quoted => return (value, at),
            c => value.push(c),
        }
    }
    (value, text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, stripped: &str, [mode, root, cert, key]: [Option<&str>; 4]) {
        let (parameters, rest) = take_parameters(text);
        assert_eq!(rest, stripped);
        let owned = |value: Option<&str>| value.map(str::to_owned);
        let expected = TlsParameters {
            sslmode: owned(mode),
            sslrootcert: owned(root),
            sslcert: owned(cert),
            sslkey: owned(key),
        };
        assert_eq!(parameters, expected, "{text}");
    }

    #[test]
    fn what_concerns_tls_is_taken_out_and_the_rest_stays_as_it_is() {
        check("postgres://h/d", "postgres://h/d", [None; 4]);
        check(
            "postgres://ann:p%40?ss@h/d?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fa%20b",
            "postgres://ann:p%40?ss@h/d?connect_timeout=3",
            [Some("verify-full"), Some("/a b"), None, None],
        );
        check(
            "postgresql://h/d?sslmode=require",
            "postgresql://h/d",
            [Some("require"), None, None, None],
        );
        check(
            r"host=h password='a \'sslmode=x' sslmode = verify-ca sslcert='/a b/c' sslkey=k\ 1 user=u",
            r"host=h password='a \'sslmode=x' user=u",
            [Some("verify-ca"), None, Some("/a b/c"), Some("k 1")],
        );
    }

    #[test]
    fn modes_are_those_of_libpq() {
        let mode = |sslmode: Option<&str>, root: Option<&str>| {
            let parameters = TlsParameters {
                sslmode: sslmode.map(str::to_owned),
                sslrootcert: root.map(str::to_owned),
                ..TlsParameters::default()
            };
            parameters.mode()
        };
        assert_eq!(mode(None, None), Ok(Some(TlsMode::Prefer)));
        assert_eq!(mode(Some("disable"), None), Ok(None));
        assert_eq!(mode(None, Some("system")), Ok(Some(TlsMode::VerifyFull)));
        assert!(mode(Some("require"), Some("system")).is_err());
        assert!(mode(Some("allow"), None).is_err());
    }
}
