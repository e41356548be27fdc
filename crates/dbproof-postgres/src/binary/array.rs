//! Arrays (PostgreSQL documentation, "Array Input and Output Syntax"; PostgreSQL's `array_send`).

use super::{Field, Unencodable};

/// The most dimensions that the server takes (PostgreSQL's `MAXDIM`).
const DEEPEST: usize = 6;

/// Appends an array such as `{1,2,NULL}` or `{{a,"b c"},{d,e}}` without its length. Bounds written
/// out (`[2:4]={…}`), blanks within or behind an element and empty arrays in an array are left to
/// the server. `nulls` tells whether the server takes an unquoted NULL as such (`array_nulls`). On an
/// error nothing is appended.
pub(crate) fn encode_array(
    text: &str,
    element: Field,
    element_oid: u32,
    nulls: bool,
    out: &mut Vec<u8>,
) -> Result<(), Unencodable> {
    let mut reader = Reader {
        rest: text,
        nulls,
        elements: Vec::new(),
    };
    let dimensions = if text == "{}" {
        Vec::new()
    } else {
        reader.array(0).ok_or(Unencodable)?
    };
    if text != "{}" && !reader.rest.is_empty() {
        return Err(Unencodable);
    }
    let at = out.len();
    append(&dimensions, &reader.elements, element, element_oid, out).ok_or_else(|| {
        out.truncate(at);
        Unencodable
    })
}

struct Reader<'a> {
    rest: &'a str,
    nulls: bool,
    elements: Vec<Option<String>>,
}

impl Reader<'_> {
    /// Reads `{…}` at this depth and returns the length of each of its dimensions.
    fn array(&mut self, depth: usize) -> Option<Vec<usize>> {
        self.take('{')?;
        let mut length = 0;
        // The dimensions of what is inside; none for elements.
        let mut inner: Option<Vec<usize>> = None;
        loop {
            self.rest = self.rest.trim_start_matches(' ');
            let found = if self.rest.starts_with('{') {
                if depth + 1 == DEEPEST {
                    return None;
                }
                self.array(depth + 1)?
            } else {
                self.element()?;
                Vec::new()
            };
            // Side by side there are elements, or arrays of one shape.
            if *inner.get_or_insert_with(|| found.clone()) != found {
                return None;
            }
            length += 1;
            if self.take(',').is_none() {
                break;
            }
        }
        self.take('}')?;
        let mut dimensions = vec![length];
        dimensions.extend(inner.unwrap_or_default());
        Some(dimensions)
    }

    fn element(&mut self) -> Option<()> {
        if self.rest.starts_with('"') {
            let text = self.quoted()?;
            self.elements.push(Some(text));
            return Some(());
        }
        let end = self.rest.find([',', '}'])?;
        let (text, rest) = self.rest.split_at(end);
        let odd = |c: char| c.is_whitespace() || matches!(c, '"' | '\\' | '{') || c.is_control();
        if text.is_empty() || text.contains(odd) {
            return None;
        }
        self.rest = rest;
        let is_null = self.nulls && text.eq_ignore_ascii_case("null");
        self.elements.push((!is_null).then(|| text.to_owned()));
        Some(())
    }

    /// Between quotes, a backslash takes the next character as it is.
    fn quoted(&mut self) -> Option<String> {
        self.take('"')?;
        let mut text = String::new();
        let mut characters = self.rest.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Some(text);
                }
                '\\' => text.push(characters.next()?.1),
                other => text.push(other),
            }
        }
        None
    }

    fn take(&mut self, character: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(character)?;
        Some(())
    }
}

fn append(
    dimensions: &[usize],
    elements: &[Option<String>],
    element: Field,
    element_oid: u32,
    out: &mut Vec<u8>,
) -> Option<()> {
    let has_null = elements.iter().any(Option::is_none);
    out.extend_from_slice(&i32::try_from(dimensions.len()).ok()?.to_be_bytes());
    out.extend_from_slice(&i32::from(has_null).to_be_bytes());
    out.extend_from_slice(&element_oid.to_be_bytes());
    for length in dimensions {
        out.extend_from_slice(&i32::try_from(*length).ok()?.to_be_bytes());
        // The lower bound.
        out.extend_from_slice(&1_i32.to_be_bytes());
    }
    for value in elements {
        let at = out.len();
        out.extend_from_slice(&(-1_i32).to_be_bytes());
        if let Some(text) = value {
            element.encode_text(text, out).ok()?;
            let length = i32::try_from(out.len() - at - 4).ok()?;
            out[at..at + 4].copy_from_slice(&length.to_be_bytes());
        }
    }
    Some(())
}
