//! `--format FORMAT[=FILE]`: [`FormatTarget`].

use std::path::PathBuf;
use std::str::FromStr;

use dbproof_report::formats::{Document, Format};

/// A format and the file to write it to, where one is named. The formats are those of the document
/// that the command draws.
#[derive(Debug)]
pub(crate) struct FormatTarget<D: 'static> {
    pub(crate) format: &'static Format<D>,
    pub(crate) path: Option<PathBuf>,
}

// Not derived: the document itself is never cloned.
impl<D> Clone for FormatTarget<D> {
    fn clone(&self) -> Self {
        FormatTarget {
            format: self.format,
            path: self.path.clone(),
        }
    }
}

impl<D: Document> FormatTarget<D> {
    /// The format of this name to standard output.
    ///
    /// # Panics
    ///
    /// Panics where the document has no such format.
    pub(crate) fn named(name: &str) -> Self {
        FormatTarget {
            format: D::format(name).expect("a format that is registered"),
            path: None,
        }
    }
}

impl<D: Document> FromStr for FormatTarget<D> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, path) = match text.split_once('=') {
            Some((_, "")) => return Err("the file's name is missing after `=`".to_owned()),
            Some((name, path)) => (name, Some(PathBuf::from(path))),
            None => (text, None),
        };
        let format = D::format(name)
            .ok_or_else(|| format!("unknown format `{name}`; known are {}", names::<D>()))?;
        Ok(FormatTarget { format, path })
    }
}

/// The names of the formats that a document has.
pub(crate) fn names<D: Document>() -> String {
    let names: Vec<&str> = D::FORMATS.iter().map(|format| format.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use dbproof_model::{RunRecord, SeedRecord};
    use dbproof_report::delta::Delta;

    use super::*;

    #[test]
    fn formats_are_read_with_and_without_a_file() {
        let check = |text: &str, name, path: Option<&str>| {
            let target: FormatTarget<RunRecord> = text.parse().unwrap();
            assert_eq!(
                (target.format.name, target.path),
                (name, path.map(PathBuf::from))
            );
        };
        check("json", "json", None);
        check("html=out/r.html", "html", Some("out/r.html"));
        check("junit=a=b.xml", "junit", Some("a=b.xml"));
        let error = |text: &str| text.parse::<FormatTarget<RunRecord>>().unwrap_err();
        assert!(error("jsn").contains("known are terminal, json"));
        assert!(error("json=").contains("missing"));
    }

    #[test]
    fn each_document_has_its_own() {
        assert!("sarif".parse::<FormatTarget<SeedRecord>>().is_err());
        let error = "junit".parse::<FormatTarget<Delta>>().unwrap_err();
        assert!(error.ends_with("terminal, json, markdown, html"), "{error}");
    }
}
