//! Rows in COPY's binary format (PostgreSQL documentation, "COPY", "Binary Format").

use dbproof_data::Value;

use crate::binary::{Field, Unencodable};

/// What a binary COPY begins with: signature, no flags, no extension.
pub(super) const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
pub(super) const TRAILER: &[u8] = &[0xff, 0xff];

/// Appends one row; on an error the buffer holds a part of it.
pub(super) fn encode_row(
    fields: &[Field],
    row: &[Value],
    out: &mut Vec<u8>,
) -> Result<(), Unencodable> {
    let count = u16::try_from(row.len()).map_err(|_| Unencodable)?;
    out.extend_from_slice(&count.to_be_bytes());
    for (field, value) in fields.iter().zip(row) {
        if *value == Value::Null {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            continue;
        }
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        field.encode_value(value, out)?;
        let length = i32::try_from(out.len() - at - 4).map_err(|_| Unencodable)?;
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}
