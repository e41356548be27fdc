//! What the functions that a query calls may do: [`calls`].

use crate::sql::{Token, TokenKind};

/// What the functions that a query calls may do, the most that one of them may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Calls {
    /// They read, or there are none.
    Reading,
    /// They set parameters of the session.
    Setting,
    /// They move sequences.
    Sequence,
    /// They may do anything: advisory locks, and what is not known.
    Unknown,
}

/// The server's own functions that are called most, and words that a parenthesis follows without
/// being called, sorted. What is not here may write; that costs time alone.
const READING: &[&str] = &[
    "abs",
    "age",
    "all",
    "and",
    "any",
    "array",
    "array_agg",
    "array_append",
    "array_length",
    "array_position",
    "array_remove",
    "array_to_json",
    "array_to_string",
    "as",
    "avg",
    "between",
    "bigint",
    "bit",
    "bit_and",
    "bit_or",
    "bool_and",
    "bool_or",
    "btrim",
    "by",
    "cardinality",
    "case",
    "cast",
    "ceil",
    "ceiling",
    "char",
    "char_length",
    "character",
    "coalesce",
    "col_description",
    "concat",
    "concat_ws",
    "conflict",
    "corr",
    "count",
    "cume_dist",
    "current_database",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_timestamp",
    "current_user",
    "currval",
    "date",
    "date_bin",
    "date_part",
    "date_trunc",
    "decimal",
    "decode",
    "dense_rank",
    "digest",
    "distinct",
    "div",
    "else",
    "encode",
    "every",
    "except",
    "exists",
    "exp",
    "extract",
    "filter",
    "first_value",
    "float",
    "floor",
    "format",
    "format_type",
    "from",
    "gen_random_uuid",
    "generate_series",
    "generate_subscripts",
    "greatest",
    "group",
    "grouping",
    "has_table_privilege",
    "having",
    "in",
    "initcap",
    "int",
    "int4",
    "int8",
    "intersect",
    "interval",
    "isfinite",
    "join",
    "json_agg",
    "json_array_elements",
    "json_array_elements_text",
    "json_array_length",
    "json_build_array",
    "json_build_object",
    "json_each",
    "json_each_text",
    "json_extract_path",
    "json_extract_path_text",
    "json_object_agg",
    "json_object_keys",
    "json_populate_recordset",
    "json_strip_nulls",
    "json_to_record",
    "json_to_recordset",
    "json_typeof",
    "jsonb_agg",
    "jsonb_array_elements",
    "jsonb_array_elements_text",
    "jsonb_array_length",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_each",
    "jsonb_each_text",
    "jsonb_extract_path",
    "jsonb_extract_path_text",
    "jsonb_insert",
    "jsonb_object_agg",
    "jsonb_object_keys",
    "jsonb_path_exists",
    "jsonb_path_query",
    "jsonb_path_query_array",
    "jsonb_populate_recordset",
    "jsonb_set",
    "jsonb_strip_nulls",
    "jsonb_to_record",
    "jsonb_to_recordset",
    "jsonb_typeof",
    "justify_days",
    "lag",
    "last_value",
    "lastval",
    "lateral",
    "lead",
    "least",
    "left",
    "length",
    "like",
    "limit",
    "ln",
    "log",
    "lower",
    "lpad",
    "ltrim",
    "make_date",
    "make_interval",
    "make_timestamp",
    "make_timestamptz",
    "materialized",
    "max",
    "md5",
    "min",
    "mod",
    "mode",
    "not",
    "now",
    "ntile",
    "nullif",
    "numeric",
    "obj_description",
    "octet_length",
    "offset",
    "on",
    "only",
    "or",
    "over",
    "overlaps",
    "overlay",
    "partition",
    "percent_rank",
    "percentile_cont",
    "percentile_disc",
    "phraseto_tsquery",
    "plainto_tsquery",
    "position",
    "power",
    "precision",
    "quote_ident",
    "quote_literal",
    "random",
    "range",
    "rank",
    "regexp_match",
    "regexp_matches",
    "regexp_replace",
    "regexp_split_to_table",
    "repeat",
    "replace",
    "reverse",
    "right",
    "rollup",
    "round",
    "row",
    "row_number",
    "row_to_json",
    "rpad",
    "rtrim",
    "select",
    "sets",
    "setweight",
    "shobj_description",
    "sign",
    "similar",
    "similarity",
    "some",
    "split_part",
    "sqrt",
    "starts_with",
    "statement_timestamp",
    "stddev",
    "strict_word_similarity",
    "string_agg",
    "string_to_array",
    "strpos",
    "substr",
    "substring",
    "sum",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "timestamptz",
    "to_char",
    "to_date",
    "to_json",
    "to_jsonb",
    "to_number",
    "to_regclass",
    "to_timestamp",
    "to_tsquery",
    "to_tsvector",
    "transaction_timestamp",
    "trim",
    "trunc",
    "ts_headline",
    "ts_rank",
    "ts_rank_cd",
    "txid_current",
    "unaccent",
    "union",
    "unnest",
    "upper",
    "using",
    "uuid_generate_v4",
    "values",
    "varchar",
    "variance",
    "version",
    "websearch_to_tsquery",
    "when",
    "where",
    "width_bucket",
    "with",
    "within",
    "word_similarity",
    "xmlagg",
];

/// What the functions that a query calls may do.
pub(super) fn calls(tokens: &[Token<'_>]) -> Calls {
    let mut most = Calls::Reading;
    for (at, pair) in tokens.windows(2).enumerate() {
        let name = &pair[0];
        let can_be = matches!(name.kind, TokenKind::Word | TokenKind::QuotedIdentifier);
        if can_be && pair[1].is_symbol("(") && !is_column_list(tokens, at) {
            most = most.max(of(tokens, at));
        }
    }
    most
}

fn of(tokens: &[Token<'_>], at: usize) -> Calls {
    let name = tokens[at].identifier().unwrap_or_default();
    let before = |back: usize| at.checked_sub(back).map(|before| &tokens[before]);
    let qualifier = match before(1) {
        Some(dot) if dot.is_symbol(".") => before(2).and_then(Token::identifier),
        _ => None,
    };
    let is_own = qualifier
        .as_deref()
        .is_none_or(|schema| schema == "pg_catalog");
    match name.as_str() {
        "nextval" | "setval" if is_own => Calls::Sequence,
        "set_config" if is_own => Calls::Setting,
        advisory
            if advisory.starts_with("pg_advisory") || advisory.starts_with("pg_try_advisory") =>
        {
            Calls::Unknown
        }
        _ if qualifier.as_deref() == Some("pg_catalog") => Calls::Reading,
        own if is_own && (own.starts_with("pg_") || READING.binary_search(&own).is_ok()) => {
            Calls::Reading
        }
        // PostGIS and the like.
        own if qualifier.is_none() && own.starts_with("st_") => Calls::Reading,
        _ => Calls::Unknown,
    }
}

/// Whether the name before a parenthesis is that of a WITH query or an alias, and columns follow.
fn is_column_list(tokens: &[Token<'_>], at: usize) -> bool {
    let before = at.checked_sub(1).map(|before| &tokens[before]);
    let is_after = |words: &[&str]| before.is_some_and(|b| words.iter().any(|w| b.is_word(w)));
    if is_after(&["as"]) {
        // `AS (` begins a query, and its name is the word before it.
        return true;
    }
    let names = is_after(&["with", "recursive"]) || before.is_some_and(|b| b.is_symbol(","));
    let closes = tokens[at..].iter().position(|token| token.is_symbol(")"));
    names
        && closes.is_some_and(|end| tokens.get(at + end + 1).is_some_and(|t| t.is_word("as")))
        && tokens
            .get(at + closes.unwrap_or(0) + 2)
            .is_some_and(|t| t.is_symbol("(") || t.is_word("not") || t.is_word("materialized"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched() {
        assert!(READING.is_sorted());
    }
}
