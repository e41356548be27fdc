//! The table that rows are loaded into: [`Target`].

use std::collections::HashMap;
use std::sync::Arc;

use dbproof_data::{Rows, Value};
use postgres_protocol::escape::escape_identifier;

use super::{LoadError, binary, text};
use crate::binary::{Field, Unencodable};
use crate::{PostgresError, Session};

/// Rows that are encoded before a load, to see whether the binary format will do.
const PROBE: u64 = 100;

/// A table with the rows to load into it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) oid: u32,
    pub(super) rows: Rows,
    pub(super) encoder: Encoder,
    /// Both quoted.
    relation: String,
    columns: String,
}

/// The format in which rows are sent.
#[derive(Debug, Clone)]
pub(super) enum Encoder {
    Binary(Arc<[Field]>),
    Text,
}

impl Target {
    /// Looks a table and the types of its columns up.
    pub(super) async fn find(session: &Session, rows: &Rows) -> Result<Self, LoadError> {
        let columns: Vec<String> = rows
            .column_names()
            .into_iter()
            .map(escape_identifier)
            .collect();
        let mut target = Target {
            oid: 0,
            rows: rows.clone(),
            encoder: Encoder::Text,
            relation: escape_relation(rows.table_name()),
            columns: columns.join(", "),
        };
        let about = LoadError::about(rows.table_name());
        let received = target.look_up(session).await.map_err(about)?;
        let fields = rows.column_names().into_iter().map(|name| {
            let function = received.get(name)?;
            Field::received_by(function)
        });
        if let Some(fields) = fields.collect::<Option<Arc<[Field]>>>() {
            let encoder = Encoder::Binary(fields);
            let mut scratch = Vec::new();
            let mut probe = rows.rows(0..PROBE);
            if probe.all(|row| encoder.encode_row(&row, &mut scratch).is_ok()) {
                target.encoder = encoder;
            }
        }
        Ok(target)
    }

    /// Sets the table's oid and returns the function that receives each column.
    async fn look_up(
        &mut self,
        session: &Session,
    ) -> Result<HashMap<String, String>, PostgresError> {
        let failed = |e| session.error(&e);
        let row = session
            .query_one("SELECT $1::text::regclass::oid", &[&self.relation])
            .await
            .map_err(failed)?;
        self.oid = row.get(0);
        // A domain is received as the type beneath it.
        let rows = session
            .query(
                "WITH RECURSIVE base (name, type) AS (
                   SELECT attname, atttypid FROM pg_attribute
                   WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped
                   UNION ALL
                   SELECT name, t.typbasetype FROM base JOIN pg_type t ON t.oid = type
                   WHERE t.typtype = 'd')
                 SELECT name::text, p.prosrc
                 FROM base JOIN pg_type t ON t.oid = type JOIN pg_proc p ON p.oid = t.typreceive
                 JOIN pg_language l ON l.oid = p.prolang
                 WHERE t.typtype <> 'd' AND l.lanname = 'internal'",
                &[&self.oid],
            )
            .await
            .map_err(failed)?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    pub(super) fn name(&self) -> &str {
        self.rows.table_name()
    }

    /// The table's name, quoted.
    pub(super) fn relation(&self) -> &str {
        &self.relation
    }

    /// The same rows in the text format.
    pub(super) fn in_text(&self) -> Target {
        Target {
            encoder: Encoder::Text,
            ..self.clone()
        }
    }

    pub(super) fn copy_statement(&self) -> String {
        let format = match self.encoder {
            Encoder::Binary(_) => "binary",
            Encoder::Text => "text",
        };
        let (relation, columns) = (&self.relation, &self.columns);
        format!("COPY {relation} ({columns}) FROM STDIN (FORMAT {format})")
    }
}

impl Encoder {
    pub(super) fn encode_row(&self, row: &[Value], out: &mut Vec<u8>) -> Result<(), Unencodable> {
        match self {
            Encoder::Binary(fields) => binary::encode_row(fields, row, out),
            Encoder::Text => {
                text::encode_row(row, out);
                Ok(())
            }
        }
    }

    pub(super) fn header(&self) -> &'static [u8] {
        match self {
            Encoder::Binary(_) => binary::HEADER,
            Encoder::Text => &[],
        }
    }

    pub(super) fn trailer(&self) -> &'static [u8] {
        match self {
            Encoder::Binary(_) => binary::TRAILER,
            Encoder::Text => &[],
        }
    }
}

/// Quotes `relation` or `schema.relation`.
pub(crate) fn escape_relation(relation: &str) -> String {
    relation
        .split('.')
        .map(escape_identifier)
        .collect::<Vec<_>>()
        .join(".")
}
