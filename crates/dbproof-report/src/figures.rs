//! Figures as people read them: three significant digits, thousands apart, ratios in words.

/// What stands where there is no figure.
pub(crate) const ABSENT: &str = "–";

/// Milliseconds without their unit: `0.420`, `12.3`, `1,234`.
pub(crate) fn ms(value: f64) -> String {
    significant(value)
}

/// Milliseconds without their unit, or a dash.
pub(crate) fn ms_or_absent(value: Option<f64>) -> String {
    value.map_or_else(|| ABSENT.to_owned(), ms)
}

/// Milliseconds with their unit, or a dash.
pub(crate) fn ms_with_unit(value: Option<f64>) -> String {
    value.map_or_else(|| ABSENT.to_owned(), |value| format!("{} ms", ms(value)))
}

/// Milliseconds that somebody chose, such as a threshold: as they wrote them.
pub(crate) fn chosen(value: f64) -> String {
    let text = format!("{value:.4}");
    if value.is_finite() && value.abs() < 1e4 {
        trimmed(&text).to_owned()
    } else {
        ms(value)
    }
}

/// A whole number with thousands apart: `1,234,567`.
pub(crate) fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// A number that is usually whole, such as rows or a cost.
pub(crate) fn number(value: f64) -> String {
    if value.is_finite() && value.fract() == 0.0 {
        grouped(&format!("{value:.0}"))
    } else {
        significant(value)
    }
}

/// A ratio of after to before: `×0.12`, `×3.4`, `×120`.
pub(crate) fn ratio(value: f64) -> String {
    match value {
        v if !v.is_finite() => ABSENT.to_owned(),
        v if (0.0995..9.995).contains(&v) => format!("×{v:.2}"),
        v if v < 0.0995 => format!("×{}", trimmed(&format!("{v:.3}"))),
        v if v < 99.5 => format!("×{v:.1}"),
        v => format!("×{}", grouped(&format!("{v:.0}"))),
    }
}

/// A ratio in words: `8.1 times less`, `3.4 times more`, `about the same`.
pub(crate) fn in_words(value: f64) -> String {
    match value {
        v if !v.is_finite() || v <= 0.0 => ABSENT.to_owned(),
        v if (0.95..=1.05).contains(&v) => "about the same".to_owned(),
        v if v < 1.0 => format!("{} times less", factor(1.0 / v)),
        v => format!("{} times more", factor(v)),
    }
}

/// A span of time in the unit that suits it: `842 ms`, `23.4 s`, `3 min 20 s`.
pub(crate) fn span(milliseconds: f64) -> String {
    match milliseconds {
        v if !v.is_finite() => ABSENT.to_owned(),
        v if v < 999.5 => format!("{} ms", ms(v)),
        v if v < 119_500.0 => format!("{} s", trimmed(&format!("{:.1}", v / 1000.0))),
        v => {
            let seconds = (v / 1000.0).round();
            let minutes = (seconds / 60.0).floor();
            format!(
                "{} min {:.0} s",
                grouped(&format!("{minutes:.0}")),
                seconds - minutes * 60.0
            )
        }
    }
}

/// Bytes in the unit that suits them: `512 B`, `8.2 kB`, `1.3 MB`.
pub(crate) fn bytes(value: u64) -> String {
    let value = value as f64;
    match value {
        v if v < 1_000.0 => format!("{v:.0} B"),
        v if v < 999_950.0 => format!("{:.1} kB", v / 1e3),
        v if v < 999_950_000.0 => format!("{:.1} MB", v / 1e6),
        v => format!("{} GB", significant(v / 1e9)),
    }
}

/// A count and its noun: `1 error`, `2 errors`.
pub(crate) fn counted(value: u64, noun: &str) -> String {
    let ending = if value == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", count(value))
}

fn factor(value: f64) -> String {
    if value < 9.95 {
        format!("{value:.1}")
    } else {
        grouped(&format!("{value:.0}"))
    }
}

/// Three significant digits, never fewer than the whole part has, at most four decimals.
fn significant(value: f64) -> String {
    if !value.is_finite() {
        return ABSENT.to_owned();
    }
    match value.abs() {
        0.0 => "0".to_owned(),
        v if v < 0.000_05 => "<0.0001".to_owned(),
        v if v < 0.099_95 => format!("{value:.4}"),
        v if v < 0.999_5 => format!("{value:.3}"),
        v if v < 9.995 => format!("{value:.2}"),
        v if v < 99.95 => format!("{value:.1}"),
        _ => grouped(&format!("{value:.0}")),
    }
}

/// Without zeros at the end of its decimals.
fn trimmed(decimal: &str) -> &str {
    if decimal.contains('.') {
        decimal.trim_end_matches('0').trim_end_matches('.')
    } else {
        decimal
    }
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", digits),
    };
    let mut text = sign.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_keep_three_significant_digits() {
        let cases = [
            (0.0, "0"),
            (0.000_01, "<0.0001"),
            (0.042, "0.0420"),
            (0.099_96, "0.100"),
            (0.42, "0.420"),
            (9.996, "10.0"),
            (12.34, "12.3"),
            (999.6, "1,000"),
            (1_234_567.0, "1,234,567"),
            (-1234.0, "-1,234"),
            (f64::NAN, "–"),
        ];
        for (value, expected) in cases {
            assert_eq!(ms(value), expected, "{value}");
        }
    }

    #[test]
    fn ratios_spans_and_sizes_are_told_as_people_tell_them() {
        assert_eq!(
            [0.0, 0.004, 0.123, 1.0, 12.0, 1234.0].map(ratio).join(" "),
            "×0 ×0.004 ×0.12 ×1.00 ×12.0 ×1,234"
        );
        assert_eq!(in_words(0.1235), "8.1 times less");
        assert_eq!(in_words(340.0), "340 times more");
        assert_eq!(in_words(1.01), "about the same");
        assert_eq!(in_words(0.0), "–");
        assert_eq!(
            [842.0, 23_400.0, 200_000.0].map(span).join(", "),
            "842 ms, 23.4 s, 3 min 20 s"
        );
        assert_eq!(
            [0, 8_192, 1_300_000, 4_000_000_000].map(bytes).join(", "),
            "0 B, 8.2 kB, 1.3 MB, 4.00 GB"
        );
        assert_eq!(
            counted(1, "error") + &counted(1200, "row"),
            "1 error1,200 rows"
        );
    }
}
