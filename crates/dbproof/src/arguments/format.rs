//! `--format FORMAT[=FILE]`: [`FormatTarget`].

use std::path::PathBuf;
use std::str::FromStr;

/// A report's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Terminal,
    Json,
    Markdown,
    Html,
}

impl Format {
    const ALL: [(&'static str, Format); 4] = [
        ("terminal", Format::Terminal),
        ("json", Format::Json),
        ("markdown", Format::Markdown),
        ("html", Format::Html),
    ];

    /// The name of a report's file that has no path of its own.
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Format::Terminal => "report.txt",
            Format::Json => "report.json",
            Format::Markdown => "report.md",
            Format::Html => "report.html",
        }
    }
}

/// A format and the file to write it to, where one is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormatTarget {
    pub(crate) format: Format,
    pub(crate) path: Option<PathBuf>,
}

impl FromStr for FormatTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, path) = match text.split_once('=') {
            Some((_, "")) => return Err("the file's name is missing after `=`".to_owned()),
            Some((name, path)) => (name, Some(PathBuf::from(path))),
            None => (text, None),
        };
        let known = Format::ALL.iter().find(|(known, _)| *known == name);
        let (_, format) = known.ok_or_else(|| {
            let names: Vec<&str> = Format::ALL.iter().map(|(name, _)| *name).collect();
            format!("unknown format `{name}`; known are {}", names.join(", "))
        })?;
        Ok(FormatTarget {
            format: *format,
            path,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_read_with_and_without_a_file() {
        let check = |text: &str, format, path: Option<&str>| {
            let expected = FormatTarget {
                format,
                path: path.map(PathBuf::from),
            };
            assert_eq!(text.parse(), Ok(expected));
        };
        check("json", Format::Json, None);
        check("html=out/r.html", Format::Html, Some("out/r.html"));
        assert!(
            "jsn"
                .parse::<FormatTarget>()
                .unwrap_err()
                .contains("known are terminal, json")
        );
        assert!("json=".parse::<FormatTarget>().is_err());
    }
}
