//! Where reports go: [`Outputs`].
//!
//! Files are opened before the run, so that an unwritable path is known before minutes are spent.

use std::fs::{self, File};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use dbproof_model::RunRecord;
use dbproof_report::{html, json, markdown, terminal};

use crate::arguments::{Color, Format, FormatTarget, OutputArguments};
use crate::exit::UsageError;

/// A report to write.
#[derive(Debug)]
struct Output {
    format: Format,
    /// Standard output where there is no file.
    file: Option<(PathBuf, File)>,
}

/// The reports to write, with their files open.
#[derive(Debug)]
pub(crate) struct Outputs {
    outputs: Vec<Output>,
    color: Color,
}

impl Outputs {
    /// Opens the files that were asked for; without any format the terminal report is written to
    /// standard output.
    pub(crate) fn open(arguments: &OutputArguments) -> anyhow::Result<Self> {
        Self::open_targets(
            &arguments.formats,
            arguments.output.as_deref(),
            arguments.color,
        )
    }

    /// The same from single values.
    pub(crate) fn open_targets(
        targets: &[FormatTarget],
        folder: Option<&Path>,
        color: Color,
    ) -> anyhow::Result<Self> {
        let default = [FormatTarget {
            format: Format::Terminal,
            path: None,
        }];
        let targets = if targets.is_empty() {
            &default
        } else {
            targets
        };
        let mut outputs = Vec::new();
        for target in targets {
            let path = match (&target.path, folder) {
                (Some(path), _) => Some(path.clone()),
                (None, Some(folder)) if target.format != Format::Terminal => {
                    Some(folder.join(target.format.file_name()))
                }
                _ => None,
            };
            outputs.push(Output {
                format: target.format,
                file: path.map(open).transpose()?,
            });
        }
        if outputs
            .iter()
            .filter(|output| output.file.is_none())
            .count()
            > 1
        {
            let message = "two reports cannot share standard output; name a file for one of them, \
                           as in --format json=report.json";
            return Err(UsageError(message.to_owned()).into());
        }
        Ok(Outputs { outputs, color })
    }

    /// Adds a report in a file of the folder, unless that format is written anyway.
    pub(crate) fn also(&mut self, format: Format, folder: &Path) -> anyhow::Result<()> {
        if !self
            .outputs
            .iter()
            .any(|output| output.format == format && output.file.is_some())
        {
            let file = Some(open(folder.join(format.file_name()))?);
            self.outputs.push(Output { format, file });
        }
        Ok(())
    }

    /// Draws and writes every report of a run; returns the files.
    pub(crate) fn write(self, record: &RunRecord) -> anyhow::Result<Vec<PathBuf>> {
        let color = self.color;
        self.write_each(|format, to_file| match format {
            Format::Terminal => terminal::render(record, &style(color, to_file)),
            Format::Json => json::render(record),
            Format::Markdown => markdown::render(record),
            Format::Html => html::render(record),
        })
    }

    /// Writes what `draw` makes of each format (and of whether it goes to a file).
    pub(crate) fn write_each(
        self,
        draw: impl Fn(Format, bool) -> String,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for output in self.outputs {
            let text = draw(output.format, output.file.is_some());
            match output.file {
                None => to_standard_output(&text)?,
                Some((path, mut file)) => {
                    file.write_all(text.as_bytes())
                        .with_context(|| format!("failed to write {}", path.display()))?;
                    files.push(path);
                }
            }
        }
        Ok(files)
    }
}

/// Writes to standard output.
pub(crate) fn to_standard_output(text: &str) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .context("failed to write to standard output")?;
    stdout.flush().context("failed to write to standard output")
}

fn open(path: PathBuf) -> anyhow::Result<(PathBuf, File)> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder)
            .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    }
    let file =
        File::create(&path).with_context(|| format!("failed to write {}", path.display()))?;
    Ok((path, file))
}

/// Colour only on a terminal and without `NO_COLOR`, unless it was asked for.
pub(crate) fn style(color: Color, to_file: bool) -> terminal::Style {
    let on_terminal = !to_file && std::io::stdout().is_terminal();
    let color = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            on_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    };
    let width = if on_terminal {
        terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0))
    } else {
        80
    };
    terminal::Style {
        color,
        width: width.clamp(60, 140),
    }
}
