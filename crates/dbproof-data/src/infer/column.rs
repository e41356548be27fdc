//! A generator for a column that is no key: [`generator`].

use super::check::Limits;
use super::plan::rounded;
use super::shape::{ColumnShape, TableShape};
use super::write::quoted;

/// Up to so many different numbers are listed one by one.
const LISTED: f64 = 20.0;
/// Up to so many different texts are.
const LISTED_TEXTS: f64 = 50.0;

/// A generator as it is written, or why there is none.
pub(super) enum Inferred {
    Generator(String),
    /// A generator that stands for something that is not known, and what that is.
    Stopgap(String, String),
    /// The column is left to its default, or to the reader.
    Left(String),
}

use Inferred::{Generator, Left, Stopgap};

/// The generator that type and statistics speak for.
pub(super) fn generator(
    table: &TableShape,
    column: &ColumnShape,
    limits: &Limits,
    keep_values: bool,
) -> Inferred {
    if column.array {
        return Stopgap(
            "constant = \"{}\"".to_owned(),
            format!("what is in its arrays ({})", column.shown_type),
        );
    }
    if let Some(listed) = from_partitions(table, column) {
        return Generator(listed);
    }
    if column.kind == 'e' {
        return Generator(labels(&column.labels, column));
    }
    if !limits.values.is_empty() && column.is_text() {
        return Generator(labels(&limits.values, column));
    }
    if column.is_moment() {
        return moments(table, column);
    }
    if column.is_text() {
        return text(table, column, limits, keep_values);
    }
    if let Some(range) = column.integers() {
        return Generator(integers(table, column, limits, range));
    }
    match column.base_type.as_str() {
        "numeric" | "float4" | "float8" | "money" => {
            Generator(numbers(column, limits, scale_of(column)))
        }
        "bool" => {
            let common = column.common();
            let shares = common.iter().find(|(value, _)| *value == "t");
            let share = shares.map_or(if common.is_empty() { 0.5 } else { 0.0 }, |(_, share)| {
                *share
            });
            Generator(format!("boolean = {}", rounded(share.min(1.0))))
        }
        "uuid" => Generator("uuid = {}".to_owned()),
        "inet" | "cidr" => Generator("inet = \"10.0.0.0/8\"".to_owned()),
        "bytea" => Generator(format!(
            "bytes = {}",
            column
                .width
                .unwrap_or(16)
                .saturating_sub(1)
                .clamp(1, 100_000)
        )),
        other => constant(column, other),
    }
}

/// A literal of a type that has no generator.
fn constant(column: &ColumnShape, base_type: &str) -> Inferred {
    let literal = match base_type {
        "json" | "jsonb" => "{}",
        "interval" => "1 hour",
        "time" | "timetz" => "12:00:00",
        "macaddr" => "08:00:2b:01:02:03",
        "macaddr8" => "08:00:2b:01:02:03:04:05",
        "tsvector" | "hstore" => "",
        "xml" => "<empty/>",
        "point" => "(0,0)",
        "box" => "(1,1),(0,0)",
        "circle" => "<(0,0),1>",
        "oid" => "0",
        _ if column.kind == 'r' => "empty",
        _ if column.kind == 'm' => "{}",
        _ if column.has_default || !column.not_null => {
            return Left(format!("there is no generator for {}", column.shown_type));
        }
        _ => {
            return Left(format!(
                "there is no generator for {}, and the column needs a value",
                column.shown_type
            ));
        }
    };
    Stopgap(
        format!("constant = {}", quoted(literal)),
        format!("what is in it ({})", column.shown_type),
    )
}

/// Words of the schema with the shares that they have, those without one seldom.
fn labels(labels: &[String], column: &ColumnShape) -> String {
    let common = column.common();
    let listed: f64 = common.iter().map(|(_, share)| share).sum();
    let unlisted = labels
        .iter()
        .filter(|label| !common.iter().any(|(value, _)| value == label));
    let rest = if common.is_empty() {
        1.0
    } else {
        ((1.0 - listed) / unlisted.count().max(1) as f64).max(0.0)
    };
    let weights = labels.iter().map(|label| {
        let share = common.iter().find(|(value, _)| value == label);
        let weight = share.map_or(rest, |(_, share)| *share);
        format!(
            "{} = {}",
            quoted(label),
            per_mille(weight, common.is_empty())
        )
    });
    format!(
        "categorical = {{ {} }}",
        weights.collect::<Vec<_>>().join(", ")
    )
}

fn per_mille(share: f64, alike: bool) -> f64 {
    if alike { 1.0 } else { (share * 1000.0).round() }
}

/// What the partitions of a table leave to their column.
fn from_partitions(table: &TableShape, column: &ColumnShape) -> Option<String> {
    if table.partition_key.as_deref() != Some(column.name.as_str()) {
        return None;
    }
    if table
        .partition_bounds
        .iter()
        .any(|bound| bound == "DEFAULT" || bound.contains("modulus"))
    {
        return None;
    }
    let mut bounds: Vec<(String, String)> = Vec::new();
    let mut listed: Vec<String> = Vec::new();
    for bound in &table.partition_bounds {
        if let Some(values) = bound.strip_prefix("FOR VALUES IN (") {
            let values = values.trim_end_matches(')').split(", ");
            listed.extend(
                values
                    .filter(|v| *v != "NULL")
                    .map(|v| v.trim_matches('\'').to_owned()),
            );
        } else {
            let (from, to) = bound
                .strip_prefix("FOR VALUES FROM (")?
                .split_once(") TO (")?;
            let bare = |text: &str| text.trim_end_matches(')').trim_matches('\'').to_owned();
            bounds.push((bare(from), bare(to)));
        }
    }
    if !listed.is_empty() {
        let weights = listed.iter().map(|value| {
            let value = match column.integers() {
                Some(_) => value.clone(),
                None => quoted(value),
            };
            format!("{{ value = {value}, weight = 1 }}")
        });
        return Some(format!(
            "categorical = [{}]",
            weights.collect::<Vec<_>>().join(", ")
        ));
    }
    let open = |text: &String| text == "MINVALUE" || text == "MAXVALUE";
    if column.is_moment() {
        let start = bounds
            .iter()
            .map(|(from, _)| from)
            .filter(|text| !open(text))
            .min()?;
        let end = bounds
            .iter()
            .map(|(_, to)| to)
            .filter(|text| !open(text))
            .max()?;
        return Some(series(
            &start[..10.min(start.len())],
            &end[..10.min(end.len())],
            column,
        ));
    }
    column.integers()?;
    let numbers = |text: &String| text.parse::<i64>().ok();
    let low = bounds.iter().filter_map(|(from, _)| numbers(from)).min()?;
    let high = bounds.iter().filter_map(|(_, to)| numbers(to)).max()? - 1;
    Some(format!("uniform = {{ low = {low}, high = {high} }}"))
}

fn series(start: &str, end: &str, column: &ColumnShape) -> String {
    let order = if column.correlation() > 0.9 {
        ""
    } else {
        ", order = \"random\""
    };
    let unit = if column.base_type == "date" {
        ", unit = \"date\""
    } else {
        ""
    };
    format!("time_series = {{ start = \"{start}\", end = \"{end}\"{order}{unit} }}")
}

/// Whole months around what the histogram spans, so that no moment is copied.
fn moments(table: &TableShape, column: &ColumnShape) -> Inferred {
    let mut known: Vec<&str> = column.histogram.iter().map(String::as_str).collect();
    if known.is_empty() {
        known = column.common().iter().map(|(value, _)| *value).collect();
    }
    let month = |text: &str| {
        let year = text.get(..4)?.parse::<i64>().ok()?;
        let month = text.get(5..7)?.parse::<i64>().ok()?;
        Some(year * 12 + month - 1)
    };
    let months: Vec<i64> = known
        .iter()
        .filter(|text| !text.ends_with("BC"))
        .filter_map(|text| month(text))
        .collect();
    let (Some(first), Some(last)) = (months.iter().min(), months.iter().max()) else {
        let span = if table.rows == Some(0) {
            "the table is empty"
        } else {
            "its span"
        };
        return Stopgap(series("2024-01-01", "2026-01-01", column), span.to_owned());
    };
    let written = |month: i64| {
        format!(
            "{:04}-{:02}-01",
            month.div_euclid(12),
            month.rem_euclid(12) + 1
        )
    };
    Generator(series(&written(*first), &written(last + 1), column))
}

/// What a column of this name holds, as far as its name tells.
fn fake(name: &str) -> Option<&'static str> {
    const KINDS: [(&str, &str); 17] = [
        ("email", "email"),
        ("first_name", "first_name"),
        ("firstname", "first_name"),
        ("last_name", "last_name"),
        ("surname", "last_name"),
        ("user_name", "user_name"),
        ("username", "user_name"),
        ("login", "user_name"),
        ("phone", "phone"),
        ("street", "street"),
        ("city", "city"),
        ("postcode", "postcode"),
        ("zip", "postcode"),
        ("country", "country"),
        ("company", "company"),
        ("colour", "colour"),
        ("name", "name"),
    ];
    let name = name.to_lowercase();
    KINDS
        .iter()
        .find(|(part, _)| name.contains(part))
        .map(|(_, kind)| *kind)
}

fn text(table: &TableShape, column: &ColumnShape, limits: &Limits, keep_values: bool) -> Inferred {
    let rows = table.rows.unwrap_or(0) as f64;
    let longest = [column.longest(), limits.longest, limits.length]
        .into_iter()
        .flatten()
        .min();
    let common = column.common();
    let covered: f64 = common.iter().map(|(_, share)| share).sum();
    let fake =
        fake(&column.name).filter(|_| limits.length.is_none() && longest.is_none_or(|n| n >= 60));
    let alike = |most: &(&str, f64)| most.1 < 2.0 / common.len() as f64;
    if let (Some(kind), true) = (fake, common.first().is_none_or(alike)) {
        return Generator(format!("fake = \"{kind}\""));
    }
    let few = column
        .distinct(rows)
        .is_some_and(|distinct| distinct <= LISTED_TEXTS);
    if few && covered > 0.95 {
        let values = common.iter().enumerate().map(|(index, (value, share))| {
            let value = if keep_values {
                (*value).to_owned()
            } else {
                placeholder(&column.name, index, limits.length, longest)
            };
            format!("{} = {}", quoted(&value), per_mille(*share, false))
        });
        let listed = format!(
            "categorical = {{ {} }}",
            values.collect::<Vec<_>>().join(", ")
        );
        return if keep_values {
            Generator(listed)
        } else {
            Stopgap(
                listed,
                "its values, of which only the shares were read".to_owned(),
            )
        };
    }
    if let Some(kind) = fake {
        return Generator(format!("fake = \"{kind}\""));
    }
    Generator(words(column, limits, longest))
}

fn words(column: &ColumnShape, limits: &Limits, longest: Option<usize>) -> String {
    if let Some(length) = limits.length {
        return format!("text = {{ length = {length} }}");
    }
    let width = usize::try_from(column.width.unwrap_or(20))
        .unwrap_or(20)
        .max(1);
    let most = (width + width / 2)
        .min(longest.unwrap_or(usize::MAX))
        .max(limits.shortest.unwrap_or(1));
    let least = (width / 2).max(limits.shortest.unwrap_or(1)).min(most);
    format!("text = {{ min = {least}, max = {most} }}")
}

/// A value that stands for one that is not copied.
fn placeholder(name: &str, index: usize, length: Option<usize>, longest: Option<usize>) -> String {
    let number = index + 1;
    if let Some(length) = length {
        return format!("{number:0length$}");
    }
    let value = format!("{name} {number}");
    if longest.is_some_and(|most| value.chars().count() > most) {
        number.to_string()
    } else {
        value
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "bounds are within the type's, and `as` saturates"
)]
fn integers(
    table: &TableShape,
    column: &ColumnShape,
    limits: &Limits,
    range: (i64, i64),
) -> String {
    let common = column.common();
    let covered: f64 = common.iter().map(|(_, share)| share).sum();
    let rows = table.rows.unwrap_or(0) as f64;
    let distinct = column.distinct(rows);
    if distinct.is_some_and(|distinct| distinct <= LISTED) && covered > 0.99 {
        let values = common.iter().map(|(value, share)| {
            format!(
                "{{ value = {value}, weight = {} }}",
                per_mille(*share, false)
            )
        });
        return format!("categorical = [{}]", values.collect::<Vec<_>>().join(", "));
    }
    let known = spread(column);
    if column.histogram.len() >= 5 {
        let limits = Limits {
            min: Some(limits.min.unwrap_or(f64::MIN).max(range.0 as f64)),
            max: Some(limits.max.unwrap_or(f64::MAX).min(range.1 as f64)),
            ..Limits::default()
        };
        return numbers(column, &limits, Some(0));
    }
    let (low, high) = match (known.first(), known.last()) {
        (Some(low), Some(high)) => (outwards(*low, false), outwards(*high, true)),
        _ => (1.0, 1000.0),
    };
    let low = low
        .max(range.0 as f64)
        .max(limits.min.unwrap_or(f64::MIN))
        .min(limits.max.unwrap_or(f64::MAX));
    let high = high
        .min(range.1 as f64)
        .min(limits.max.unwrap_or(f64::MAX))
        .max(low);
    format!(
        "uniform = {{ low = {}, high = {} }}",
        low.ceil() as i64,
        high.floor() as i64
    )
}

/// Numbers in their order, as far as the statistics show them: a histogram leaves out the most common
/// ones, which are few beside the rest where there is one.
fn spread(column: &ColumnShape) -> Vec<f64> {
    let listed = column.common();
    let listed = listed.iter().map(|(value, _)| *value);
    let mut texts: Vec<&str> = column.histogram.iter().map(String::as_str).collect();
    if texts.len() < 5 {
        texts.extend(listed);
    }
    let mut known: Vec<f64> = texts
        .iter()
        .filter_map(|text| text.trim_start_matches('$').replace(',', "").parse().ok())
        .filter(|number: &f64| number.is_finite())
        .collect();
    known.sort_by(f64::total_cmp);
    known
}

/// The next number of two digits.
fn outwards(value: f64, up: bool) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powf(value.abs().log10().floor() - 1.0);
    let count = value / unit;
    let rounded = if up { count.ceil() } else { count.floor() } * unit;
    // Powers of ten below one are not exact.
    (rounded * 1e12).round() / 1e12
}

/// Decimals of an exact type.
fn scale_of(column: &ColumnShape) -> Option<u8> {
    match column.base_type.as_str() {
        "numeric" => Some(column.precision().map_or(2, |(_, scale)| scale)),
        "money" => Some(2),
        _ => None,
    }
}

/// The distribution that the histogram looks like: lognormal, even, or a bell.
fn numbers(column: &ColumnShape, limits: &Limits, scale: Option<u8>) -> String {
    let precision = column.precision();
    let decimals = scale.map_or_else(String::new, |scale| format!(", decimals = {scale}"));
    let step = scale.map_or(0.0, |scale| 10_f64.powi(-i32::from(scale)));
    let most = precision.map_or(f64::MAX, |(digits, scale)| {
        let whole = i32::try_from(digits).unwrap_or(1000) - i32::from(scale);
        10_f64.powi(whole.min(15)) - step
    });
    let (top, bottom) = (
        limits.max.unwrap_or(f64::MAX).min(most),
        limits.min.unwrap_or(f64::MIN).max(-most),
    );
    let known = spread(column);
    if known.len() < 5 {
        let low = known
            .first()
            .copied()
            .map_or(0.0, |low| outwards(low, false))
            .max(bottom);
        let high = known
            .last()
            .copied()
            .map_or(1000.0, |high| outwards(high, true))
            .min(top)
            .max(low);
        // A bound with a point, so that floats stay floats.
        return format!("uniform = {{ low = {low:?}, high = {high:?}{decimals} }}");
    }
    let at = |share: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an index within the list"
        )]
        let index = ((known.len() - 1) as f64 * share).round() as usize;
        known[index]
    };
    let low = outwards(known[0], false).max(bottom);
    let high = outwards(known[known.len() - 1], true).min(top).max(low);
    let (below, median, above) = (at(0.16), at(0.5), at(0.84));
    let bounds = format!("min = {low:?}, max = {high:?}{decimals}");
    let even = (above - below) / (high - low).max(f64::MIN_POSITIVE);
    if low >= 0.0 && below > 0.0 && above - median > 1.3 * (median - below) {
        let sigma = rounded((above / below).ln() / 2.0);
        return format!(
            "lognormal = {{ median = {}, sigma = {sigma}, {bounds} }}",
            two_digits(median)
        );
    }
    if even > 0.55 {
        return format!("uniform = {{ low = {low:?}, high = {high:?}{decimals} }}");
    }
    let deviation = two_digits((above - below) / 2.0);
    format!(
        "normal = {{ mean = {}, deviation = {deviation}, {bounds} }}",
        two_digits(median)
    )
}

fn two_digits(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    let unit = 10_f64.powf(value.abs().log10().floor() - 1.0);
    ((value / unit).round() * unit * 1e12).round() / 1e12
}
