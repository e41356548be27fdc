//! The binary form of `numeric`: digits to the base 10,000 (PostgreSQL's `numeric_send`).

const BASE: u128 = 10_000;
const DIGITS_PER_GROUP: u32 = 4;
const NEGATIVE: u16 = 0x4000;

/// Appends `unscaled` / 10^`scale`. `None` where the number is too long for this encoder; nothing
/// is appended then.
pub(super) fn encode(unscaled: i128, scale: u32, out: &mut Vec<u8>) -> Option<()> {
    // Fill the last group, so that groups end at the point.
    let padding = (DIGITS_PER_GROUP - scale % DIGITS_PER_GROUP) % DIGITS_PER_GROUP;
    let mut rest = unscaled.unsigned_abs().checked_mul(10_u128.pow(padding))?;
    let behind_point = (scale + padding) / DIGITS_PER_GROUP;
    // 2^128 has 39 decimal digits: 10 groups.
    let mut groups = [0_u16; 10];
    let mut count = 0;
    while rest > 0 {
        groups[count] = u16::try_from(rest % BASE).ok()?;
        rest /= BASE;
        count += 1;
    }
    let trailing = groups[..count]
        .iter()
        .take_while(|group| **group == 0)
        .count();
    let weight = i32::try_from(count).ok()? - i32::try_from(behind_point).ok()? - 1;
    let weight = if count == 0 {
        0
    } else {
        i16::try_from(weight).ok()?
    };
    let sign = if unscaled < 0 { NEGATIVE } else { 0 };
    out.extend_from_slice(&u16::try_from(count - trailing).ok()?.to_be_bytes());
    out.extend_from_slice(&weight.to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&u16::try_from(scale).ok()?.to_be_bytes());
    for group in groups[trailing..count].iter().rev() {
        out.extend_from_slice(&group.to_be_bytes());
    }
    Some(())
}

/// Appends a decimal number as it is written, such as `-12.5`, or a special value.
pub(super) fn encode_text(text: &str, out: &mut Vec<u8>) -> Option<()> {
    if let Some(sign) = special(text) {
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&sign.to_be_bytes());
        out.extend_from_slice(&[0; 2]);
        return Some(());
    }
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if digits.is_empty() || !all_digits(digits) || !all_digits(part) {
        return None;
    }
    let unscaled: i128 = format!("{whole}{part}").parse().ok()?;
    encode(unscaled, u32::try_from(part.len()).ok()?, out)
}

/// What is no number has a sign of its own, and no digits.
fn special(text: &str) -> Option<u16> {
    match text {
        "NaN" => Some(0xC000),
        "Infinity" => Some(0xD000),
        "-Infinity" => Some(0xF000),
        _ => None,
    }
}
