//! The shapes that dbproof carries: [`shapes`].

use super::{Shape, toml_file};
use crate::project::SourceFile;

/// The files, in the order in which they are listed.
const FILES: [(&str, &str); 13] = [
    ("row_inversion", include_str!("files/row_inversion.toml")),
    ("three_cycle", include_str!("files/three_cycle.toml")),
    ("fk_upgrade", include_str!("files/fk_upgrade.toml")),
    ("fk_cross", include_str!("files/fk_cross.toml")),
    ("unique_insert", include_str!("files/unique_insert.toml")),
    ("row_upgrade", include_str!("files/row_upgrade.toml")),
    ("table_upgrade", include_str!("files/table_upgrade.toml")),
    ("ddl_readers", include_str!("files/ddl_readers.toml")),
    ("advisory", include_str!("files/advisory.toml")),
    (
        "multi_row_order",
        include_str!("files/multi_row_order.toml"),
    ),
    (
        "savepoint_retry",
        include_str!("files/savepoint_retry.toml"),
    ),
    ("soft", include_str!("files/soft.toml")),
    ("invisible", include_str!("files/invisible.toml")),
];

/// Every shape of the catalogue, in the order in which they are listed.
#[must_use]
pub fn shapes() -> Vec<Shape> {
    let shapes = FILES.iter().map(|(name, text)| {
        let file = SourceFile {
            name: format!("catalogue:{name}.toml"),
            text: (*text).to_owned(),
        };
        let mut shape = toml_file::parse(&file).expect("the catalogue's files are tested");
        shape.is_ours = true;
        shape
    });
    shapes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_named_as_its_file_and_has_its_control_and_its_mended_version() {
        let shapes = shapes();
        for ((name, _), shape) in FILES.iter().zip(&shapes) {
            assert_eq!(&shape.name, name);
            assert!(!shape.summary.is_empty(), "{name}");
            for version in [&shape.control, &shape.mended] {
                let version = version.as_ref().unwrap_or_else(|| panic!("{name}"));
                assert!(!version.note.is_empty(), "{name}");
            }
        }
    }
}
