//! Which index would serve a scan: [`index_for`].
//!
//! Read off EXPLAIN's own text of the conditions, whose shape is fixed: every comparison stands in
//! parentheses of its own, joined by AND. What is not a plain column compared with something from
//! elsewhere is left out, so that a proposal is right where there is one.

use dbproof_model::PlanNode;

use super::node::alias;
use super::outline::{Outline, Role};

/// More key columns than this seldom pay for their upkeep.
const MOST_COLUMNS: usize = 4;

/// A comparison that an index can serve.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Searched {
    column: String,
    equality: bool,
}

/// `CREATE INDEX CONCURRENTLY …` for a scan under these conditions, its rows wanted in the order
/// of `sort_key`: the columns compared for equality, then the one of a range or, without a range,
/// those of the order. `None` where no condition names a plain column of the scan's relation.
pub(crate) fn index_for(
    scan: &PlanNode,
    conditions: &[&str],
    sort_key: &[String],
) -> Option<String> {
    let searched: Vec<Searched> = conditions
        .iter()
        .flat_map(|condition| searched_columns(condition, alias(scan)))
        .collect();
    let mut columns: Vec<String> = Vec::new();
    let mut add = |column: &str| {
        let name = column.split(' ').next().unwrap_or_default();
        let known = columns
            .iter()
            .any(|known| known.split(' ').next() == Some(name));
        if !known && columns.len() < MOST_COLUMNS {
            columns.push(column.to_owned());
        }
    };
    searched
        .iter()
        .filter(|s| s.equality)
        .for_each(|s| add(&s.column));
    match searched.iter().find(|s| !s.equality) {
        Some(range) => add(&range.column),
        None if searched.is_empty() => return None,
        None => sort_columns(sort_key, alias(scan))
            .iter()
            .for_each(|column| add(column)),
    }
    let relation = qualified(scan)?;
    Some(format!(
        "CREATE INDEX CONCURRENTLY ON {relation} ({});",
        columns.join(", ")
    ))
}

/// The index for a scan of a tree, under the conditions that it applies itself and, where it is the
/// inner side of a nested loop, those of the join; in the order of a sort right above it.
pub(crate) fn index_for_entry(outline: &Outline<'_>, position: usize) -> Option<String> {
    let scan = outline.entries[position].node;
    let own = [&scan.filter, &scan.index_cond, &scan.recheck_cond];
    let mut conditions: Vec<&str> = own.into_iter().flatten().map(String::as_str).collect();
    let mut sort_key: &[String] = &[];
    for above in outline.ancestors(position) {
        match (above.role, above.node.node_type.as_str()) {
            (Role::Join, "Nested Loop") => {
                conditions.extend(above.node.join_filter.as_deref());
                break;
            }
            (Role::Other, "Sort" | "Incremental Sort") => {
                sort_key = &above.node.sort_key;
                break;
            }
            (Role::Part, _) | (Role::Other, "Materialize" | "Memoize") => {}
            _ => break,
        }
    }
    index_for(scan, &conditions, sort_key)
}

fn qualified(scan: &PlanNode) -> Option<String> {
    let relation = identifier(scan.relation.as_deref()?);
    Some(match scan.schema.as_deref() {
        None | Some("public") => relation,
        Some(schema) => format!("{}.{relation}", identifier(schema)),
    })
}

/// A name as SQL writes it, quoted where it is not a plain lower-case word.
fn identifier(name: &str) -> String {
    let plain = name
        .chars()
        .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
        && !name.starts_with(|c: char| c.is_ascii_digit());
    // Of the reserved words those that tables are called by in practice.
    let reserved = [
        "user",
        "order",
        "group",
        "table",
        "end",
        "default",
        "check",
        "references",
    ];
    if plain && !reserved.contains(&name) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

fn searched_columns(condition: &str, alias: &str) -> Vec<Searched> {
    conjuncts(condition)
        .into_iter()
        .filter_map(|conjunct| searched(conjunct, alias))
        .collect()
}

fn searched(conjunct: &str, alias: &str) -> Option<Searched> {
    const OPERATORS: &[(&str, bool)] = &[
        (" = ", true),
        (" <= ", false),
        (" >= ", false),
        (" < ", false),
        (" > ", false),
    ];
    let text = unwrapped(conjunct);
    let (at, operator, equality) = OPERATORS
        .iter()
        .filter_map(|(operator, equality)| Some((top_level(text, operator)?, *operator, *equality)))
        .min()?;
    let (left, right) = (&text[..at], &text[at + operator.len()..]);
    if top_level(text, " OR ").is_some() {
        return None;
    }
    let (own, other) = match (column(left, alias), column(right, alias)) {
        (Some(own), None) => (own, right),
        (None, Some(own)) => (own, left),
        _ => return None,
    };
    // A value made of the same row's columns cannot be looked up.
    let from_same_row = other.contains(&format!("{}.", identifier(alias)));
    (!from_same_row).then_some(Searched {
        column: own,
        equality,
    })
}

/// The column of this alias that the text is, a cast around it apart: `o.user_id`, `(o.status)::text`,
/// or `user_id` where EXPLAIN had one relation only and did not qualify.
fn column(text: &str, alias: &str) -> Option<String> {
    let text = match text
        .strip_prefix('(')
        .and_then(|text| text.split_once(")::"))
    {
        // Only casts that keep the column's own order, and with it the use of its index.
        Some((inner, "text" | "character varying" | "bpchar")) => inner,
        Some(_) => return None,
        None => text,
    };
    let name = text
        .strip_prefix(&format!("{}.", identifier(alias)))
        .unwrap_or(text);
    let quoted = name.len() > 2 && name.starts_with('"') && name.ends_with('"');
    let plain = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !["true", "false", "null"].contains(&name.to_lowercase().as_str());
    let inner = name.trim_matches('"');
    (plain || (quoted && !inner.contains('"'))).then(|| name.to_owned())
}

/// The plain columns of an order, if all of it is of this alias. Directions are dropped where all
/// are alike, since an index reads backwards as well.
fn sort_columns(sort_key: &[String], alias: &str) -> Vec<String> {
    let parsed: Option<Vec<(String, &str)>> = sort_key
        .iter()
        .map(|key| {
            let (name, direction) = key.split_once(' ').unwrap_or((key, ""));
            Some((column(name, alias)?, direction))
        })
        .collect();
    let parsed = parsed.unwrap_or_default();
    let alike = parsed.windows(2).all(|pair| pair[0].1 == pair[1].1)
        && parsed
            .iter()
            .all(|(_, direction)| !direction.contains("NULLS"));
    parsed
        .into_iter()
        .map(|(name, direction)| match direction {
            "" => name,
            _ if alike => name,
            direction => format!("{name} {direction}"),
        })
        .collect()
}

fn conjuncts(condition: &str) -> Vec<&str> {
    let mut rest = unwrapped(condition);
    let mut parts = Vec::new();
    while let Some(at) = top_level(rest, " AND ") {
        parts.push(&rest[..at]);
        rest = &rest[at + " AND ".len()..];
    }
    parts.push(rest);
    parts
}

/// The text without a pair of parentheses around all of it.
fn unwrapped(text: &str) -> &str {
    let inner = text
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'));
    match inner {
        Some(inner) if closes_only_at_end(text) => unwrapped(inner),
        _ => text,
    }
}

fn closes_only_at_end(text: &str) -> bool {
    let mut closed_at = None;
    scan_depth(text, |at, depth| {
        if depth == 0 && closed_at.is_none() {
            closed_at = Some(at);
        }
        false
    });
    closed_at == Some(text.len() - 1)
}

/// Where `wanted` stands outside of parentheses and quotes.
fn top_level(text: &str, wanted: &str) -> Option<usize> {
    let mut found = None;
    scan_depth(text, |at, depth| {
        if depth == 0 && text[at..].starts_with(wanted) {
            found = Some(at);
        }
        found.is_some()
    });
    found
}

/// Visits every character outside of quotes with the depth of parentheses after it, until told
/// to stop.
fn scan_depth(text: &str, mut visit: impl FnMut(usize, usize) -> bool) {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => continue,
            (None, '\'' | '"') => quote = Some(character),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if quote.is_none() && visit(at, depth) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(conditions: &[&str], sort_key: &[&str], expected: Option<&str>) {
        let scan = PlanNode {
            relation: Some("orders".to_owned()),
            alias: Some("o".to_owned()),
            schema: Some("public".to_owned()),
            ..PlanNode::default()
        };
        let sort_key: Vec<String> = sort_key.iter().map(|key| (*key).to_owned()).collect();
        let definition = index_for(&scan, conditions, &sort_key);
        let expected =
            expected.map(|columns| format!("CREATE INDEX CONCURRENTLY ON orders ({columns});"));
        assert_eq!(definition, expected);
    }

    #[test]
    fn equalities_come_first_and_then_a_range_or_the_order() {
        check(&["(o.user_id = 42)"], &[], Some("user_id"));
        check(
            &["(o.user_id = 42)"],
            &["o.created_at DESC"],
            Some("user_id, created_at"),
        );
        check(
            &["((o.created_at > '2026-01-01'::date) AND (o.user_id = $1))"],
            &["o.total"],
            Some("user_id, created_at"),
        );
        check(
            &["((o.status)::text = 'o''pen'::text)"],
            &[],
            Some("status"),
        );
        check(
            &["(o.user_id = ANY ('{1,2}'::bigint[]))"],
            &[],
            Some("user_id"),
        );
        check(&["(user_id = 42)"], &[], Some("user_id"));
        check(&["(o.\"userId\" = 42)"], &[], Some("\"userId\""));
    }

    #[test]
    fn a_join_condition_is_read_from_either_side() {
        check(&["(o.user_id = u.id)"], &[], Some("user_id"));
        check(
            &["(u.id = o.user_id)", "(o.status = 'x')"],
            &[],
            Some("user_id, status"),
        );
    }

    #[test]
    fn mixed_directions_are_kept() {
        check(&["(o.a = 1)"], &["o.b DESC", "o.c"], Some("a, b DESC, c"));
        check(&["(o.a = 1)"], &["o.b DESC", "u.c"], Some("a"));
    }

    #[test]
    fn what_no_index_serves_proposes_none() {
        check(&["(lower(o.email) = 'x'::text)"], &[], None);
        check(&["((o.a = 1) OR (o.b = 2))"], &[], None);
        check(&["(o.a = o.b)"], &[], None);
        check(&["(o.a <> 1)"], &[], None);
        check(&["((o.total)::integer = 3)"], &[], None);
        check(&["(o.a = (o.b + 1))"], &[], None);
        check(&["o.note ~~ '% = %'::text"], &[], None);
        check(&[], &["o.created_at"], None);
    }

    #[test]
    fn odd_names_are_quoted() {
        let scan = PlanNode {
            relation: Some("order".to_owned()),
            schema: Some("Shop".to_owned()),
            ..PlanNode::default()
        };
        assert_eq!(
            index_for(&scan, &["(user_id = 1)"], &[]).unwrap(),
            "CREATE INDEX CONCURRENTLY ON \"Shop\".\"order\" (user_id);"
        );
    }
}
