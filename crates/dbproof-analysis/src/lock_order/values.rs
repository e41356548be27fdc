//! Values of statements and keys as text that can be compared: [`canonical`], [`decoded`].

use std::cmp::Ordering;

use crate::traffic::{SentParameter, binary_text, canonical_uuid};

/// The longest text that is taken for a key or an array of keys, in bytes.
const LONGEST: usize = 64 << 10;

/// A value in the one spelling that equal values have in common: the server's for UUIDs and integers,
/// `t` and `f` for truth values.
pub(super) fn canonical(text: &str) -> String {
    let trimmed = text.trim();
    if let Ok(number) = trimmed.parse::<i128>() {
        return number.to_string();
    }
    if let Some(uuid) = canonical_uuid(trimmed.as_bytes()) {
        return String::from_utf8_lossy(&uuid).into_owned();
    }
    match trimmed {
        "true" => "t".to_owned(),
        "false" => "f".to_owned(),
        _ => text.to_owned(),
    }
}

/// The order of two canonical values: of numbers theirs, of others that of the bytes, which is the
/// server's for UUIDs and for text in the `C` collation. Numbers stand before others, so that any
/// values at all have one order: `10`, `1a` and `9` would go round in a circle else.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    match (a.parse::<i128>(), b.parse::<i128>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

/// A parameter's value as text; `None` is NULL, or a value that cannot be read.
pub(super) fn decoded(parameter: &SentParameter) -> Option<String> {
    let value = parameter.value.as_ref()?;
    if value.len() > LONGEST {
        return None;
    }
    if parameter.binary {
        binary_text(parameter.type_oid, value)
    } else {
        String::from_utf8(value.clone()).ok()
    }
}

/// The OID of the elements of an array type, for those that keys are made of (`pg_type.dat`).
fn element_type(array: u32) -> Option<u32> {
    Some(match array {
        1000 => 16,
        1005 => 21,
        1007 => 23,
        1009 => 25,
        1014 => 1042,
        1015 => 1043,
        1016 => 20,
        1028 => 26,
        1231 => 1700,
        2951 => 2950,
        _ => return None,
    })
}

/// The elements of an array of one dimension that was sent as a parameter.
pub(super) fn array_elements(parameter: &SentParameter) -> Option<Vec<Option<String>>> {
    let value = parameter.value.as_ref()?;
    if value.len() > LONGEST {
        return None;
    }
    if parameter.binary {
        binary_array(parameter.type_oid, value)
    } else {
        text_array(std::str::from_utf8(value).ok()?)
    }
}

/// `array_send`: dimensions, whether there are NULLs, the elements' type, then for the one dimension its
/// length and lower bound, then each element behind its length, -1 for NULL.
fn binary_array(type_oid: u32, value: &[u8]) -> Option<Vec<Option<String>>> {
    let word = |at: usize| -> Option<i32> {
        Some(i32::from_be_bytes(value.get(at..at + 4)?.try_into().ok()?))
    };
    match word(0)? {
        0 => return Some(Vec::new()),
        1 => {}
        _ => return None,
    }
    let sent = u32::from_be_bytes(value.get(8..12)?.try_into().ok()?);
    let element = element_type(type_oid).unwrap_or(sent);
    let count = usize::try_from(word(12)?).ok()?;
    let mut elements = Vec::new();
    let mut at = 20;
    for _ in 0..count {
        let length = word(at)?;
        at += 4;
        let Ok(length) = usize::try_from(length) else {
            elements.push(None);
            continue;
        };
        elements.push(Some(binary_text(
            element,
            value.get(at..at.checked_add(length)?)?,
        )?));
        at += length;
    }
    Some(elements)
}

/// `{1,2,"a,b",NULL}`, as `array_out` writes it.
pub(super) fn text_array(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut elements = Vec::new();
    let mut rest = inner.chars().peekable();
    while rest.peek().is_some() {
        let mut element = String::new();
        let mut is_quoted = false;
        let mut is_open = false;
        loop {
            match rest.next() {
                None => break,
                Some('"') => {
                    is_open = !is_open;
                    is_quoted = true;
                }
                Some('\\') => element.extend(rest.next()),
                Some(',') if !is_open => break,
                Some('{' | '}') if !is_open => return None,
                Some(c) => element.push(c),
            }
        }
        let is_null = !is_quoted && element.trim().eq_ignore_ascii_case("null");
        let element = if is_quoted {
            element
        } else {
            element.trim().to_owned()
        };
        elements.push((!is_null).then_some(element));
    }
    Some(elements)
}

/// An array as text, every element quoted.
pub(super) fn array_text(elements: &[Option<String>]) -> String {
    let written: Vec<String> = elements
        .iter()
        .map(|element| match element {
            Some(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            None => "NULL".to_owned(),
        })
        .collect();
    format!("{{{}}}", written.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(type_oid: u32, value: &[u8]) -> SentParameter {
        SentParameter {
            type_oid,
            binary: true,
            value: Some(value.to_vec()),
        }
    }

    #[test]
    fn equal_values_have_one_spelling() {
        for (text, expected) in [
            ("007", "7"),
            (" -5", "-5"),
            ("true", "t"),
            (
                "A0EEBC999C0B4EF8BB6D6BB9BD380A11",
                "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            ),
            (
                "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}",
                "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            ),
            ("DE ", "DE "),
            ("1.50", "1.50"),
        ] {
            assert_eq!(canonical(text), expected);
        }
        assert_eq!(compare("9", "10"), Ordering::Less);
        assert_eq!(compare("a9", "a10"), Ordering::Greater);
    }

    #[test]
    fn numbers_and_texts_have_one_order_together() {
        let mut values = vec!["9", "1a", "10", "a", "-3", "2b"];
        let sorted = ["-3", "9", "10", "1a", "2b", "a"];
        for _ in 0..values.len() {
            values.rotate_left(1);
            let mut again = values.clone();
            again.sort_by(|a, b| compare(a, b));
            assert_eq!(again, sorted);
        }
    }

    #[test]
    fn typed_binary_parameters_are_read() {
        let check = |type_oid, value: &[u8], expected: &str| {
            assert_eq!(decoded(&binary(type_oid, value)).as_deref(), Some(expected));
        };
        check(21, &7_i16.to_be_bytes(), "7");
        check(23, &(-7_i32).to_be_bytes(), "-7");
        check(20, &i64::MAX.to_be_bytes(), "9223372036854775807");
        check(0, &42_i64.to_be_bytes(), "42");
        check(16, &[1], "t");
        check(25, "größe".as_bytes(), "größe");
        check(1043, b"DE", "DE");
        let uuid: Vec<u8> = (0..16).collect();
        check(2950, &uuid, "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!(decoded(&binary(25, &[0xff])), None);
        let null = SentParameter {
            type_oid: 23,
            binary: false,
            value: None,
        };
        assert_eq!(decoded(&null), None);
    }

    #[test]
    fn arrays_are_read_in_both_forms_and_written_back() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(text_array("{}"), Some(vec![]));
        assert_eq!(
            text_array(r#"{1, 2,NULL,"a,\"b\\c","NULL"}"#),
            Some(vec![
                some("1"),
                some("2"),
                None,
                some(r#"a,"b\c"#),
                some("NULL")
            ])
        );
        assert_eq!(text_array("{{1},{2}}"), None);
        assert_eq!(text_array("1,2"), None);
        let elements = vec![some("1"), None, some(r#"a"\b"#)];
        assert_eq!(text_array(&array_text(&elements)), Some(elements));

        let mut sent = Vec::new();
        for word in [1, 1, 23, 3, 1, 4, 5, -1, 4, -2] {
            sent.extend(i32::to_be_bytes(word));
        }
        let array = binary(1007, &sent);
        assert_eq!(
            array_elements(&array),
            Some(vec![some("5"), None, some("-2")])
        );
        for end in 0..sent.len() {
            let cut = binary(1007, &sent[..end]);
            assert_eq!(array_elements(&cut), None, "{end}");
        }
    }
}
