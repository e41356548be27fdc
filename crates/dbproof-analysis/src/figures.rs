//! Figures as messages write them: thousands separated, a change in percent.

/// A count with its thousands separated; a fraction keeps one decimal.
pub(crate) fn count(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    let text = if rounded.fract() == 0.0 {
        format!("{rounded:.0}")
    } else {
        format!("{rounded:.1}")
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, digits) = whole
        .strip_prefix('-')
        .map_or(("", whole), |digits| ("-", digits));
    let mut separated = String::from(sign);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position) % 3 == 0 {
            separated.push(',');
        }
        separated.push(digit);
    }
    if !fraction.is_empty() {
        separated.push('.');
        separated.push_str(fraction);
    }
    separated
}

/// A count of things with its noun, whose plural takes an s.
pub(crate) fn counted(value: f64, noun: &str) -> String {
    format!(
        "{} {noun}{}",
        count(value),
        if (value - 1.0).abs() < 1e-9 { "" } else { "s" }
    )
}

/// A whole number as a float, for ratios and messages.
pub(crate) fn float(value: u64) -> f64 {
    value as f64
}

/// After divided by before; `None` where either is 0.
pub(crate) fn ratio(before: f64, after: f64) -> Option<f64> {
    (before > 0.0 && after > 0.0).then(|| after / before)
}

/// Milliseconds with three significant digits below 100.
pub(crate) fn milliseconds(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{} ms", count(value.round())),
        medium if medium >= 10.0 => format!("{value:.1} ms"),
        small if small >= 1.0 => format!("{value:.2} ms"),
        _ => format!("{value:.3} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        let written = [
            0.0,
            7.0,
            999.0,
            1000.0,
            1_234_567.0,
            -4200.0,
            12.34,
            1999.96,
        ]
        .map(count);
        assert_eq!(
            written,
            [
                "0",
                "7",
                "999",
                "1,000",
                "1,234,567",
                "-4,200",
                "12.3",
                "2,000"
            ]
        );
    }

    #[test]
    fn one_has_no_plural() {
        assert_eq!(counted(1.0, "block"), "1 block");
        assert_eq!(counted(0.0, "block"), "0 blocks");
    }

    #[test]
    fn milliseconds_keep_three_digits() {
        let written = [0.041, 1.5, 12.345, 1843.4].map(milliseconds);
        assert_eq!(written, ["0.041 ms", "1.50 ms", "12.3 ms", "1,843 ms"]);
    }
}
