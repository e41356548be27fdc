//! The binary form of values, as the server's receive functions read it: [`Field`].
//!
//! One encoder for each type, used for rows of a COPY and for parameters of a statement alike:
//!
//! * `value`: from generated values.
//! * `text`, and beside it `moment`, `interval`, `network` and `array`: from the text form.
//!
//! **Architecture invariant:** nothing is guessed. A form that could mean something else to the
//! server, be it by a setting (`DateStyle`, `TimeZone`, `IntervalStyle`), by its version or by being
//! invalid, is left to the server in text form.

mod array;
mod interval;
mod moment;
mod network;
mod numeric;
mod text;
mod value;

pub(crate) use array::encode_array;

/// How values of a type are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Bool,
    Text,
    Name,
    Jsonb,
    Bytea,
    Uuid,
    Date,
    Time,
    TimeTz,
    Timestamp,
    TimestampTz,
    Interval,
    Inet,
    Cidr,
}

/// A value that this encoder leaves to the server, which reads it from its text form or refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unencodable;

impl Field {
    /// The encoder for a type, told by the server's internal function that receives it. Thus types
    /// of extensions that are sent like text, `citext` for one, need no list here.
    pub(crate) fn received_by(function: &str) -> Option<Field> {
        Some(match function {
            "int2recv" => Field::Int2,
            "int4recv" => Field::Int4,
            "int8recv" => Field::Int8,
            "oidrecv" => Field::Oid,
            "float4recv" => Field::Float4,
            "float8recv" => Field::Float8,
            "numeric_recv" => Field::Numeric,
            "boolrecv" => Field::Bool,
            "textrecv" | "varcharrecv" | "bpcharrecv" | "enum_recv" | "json_recv" => Field::Text,
            "namerecv" => Field::Name,
            "jsonb_recv" => Field::Jsonb,
            "bytearecv" => Field::Bytea,
            "uuid_recv" => Field::Uuid,
            "date_recv" => Field::Date,
            "time_recv" => Field::Time,
            "timetz_recv" => Field::TimeTz,
            "timestamp_recv" => Field::Timestamp,
            "timestamptz_recv" => Field::TimestampTz,
            "interval_recv" => Field::Interval,
            "inet_recv" => Field::Inet,
            "cidr_recv" => Field::Cidr,
            _ => return None,
        })
    }
}
