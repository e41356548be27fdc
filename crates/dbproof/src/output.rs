//! Where reports go: [`Outputs`].
//!
//! Files are opened before the run, so that an unwritable path is known before minutes are spent.

use std::fs::{self, File, OpenOptions};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use dbproof_report::formats::{Document, Format, Setting};
use dbproof_report::history::History;
use dbproof_report::terminal;

use crate::arguments::{Color, FormatTarget};
use crate::exit::UsageError;

/// GitHub takes no larger summary of a step, and shows nothing of one that is.
const LARGEST_SUMMARY: u64 = 1024 * 1024;
/// The variable that names the file of the step's summary.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// A report to write.
#[derive(Debug)]
struct Output<D: 'static> {
    format: &'static Format<D>,
    /// Standard output where there is no file.
    file: Option<(PathBuf, File)>,
}

/// The reports to write, with their files open.
#[derive(Debug)]
pub(crate) struct Outputs<D: 'static> {
    outputs: Vec<Output<D>>,
    color: Color,
}

impl<D: Document> Outputs<D> {
    /// Opens the files that were asked for; without any format the terminal report is written to
    /// standard output. Formats without a file of their own go into `folder`, where there is one.
    pub(crate) fn open(
        targets: &[FormatTarget<D>],
        folder: Option<&Path>,
        color: Color,
    ) -> anyhow::Result<Self> {
        let default = [FormatTarget::named("terminal")];
        let targets = if targets.is_empty() {
            &default
        } else {
            targets
        };
        let mut outputs = Vec::new();
        for target in targets {
            let format = target.format;
            // What is read from standard output stays there.
            let stays = format.name == "terminal" || format.among_lines;
            let path = match (&target.path, folder) {
                (Some(path), _) => Some(path.clone()),
                (None, Some(folder)) if !stays => Some(folder.join(format.file)),
                _ => None,
            };
            outputs.push(Output {
                format,
                file: path.map(open).transpose()?,
            });
        }
        check_standard_output(&outputs)?;
        Ok(Outputs { outputs, color })
    }

    /// Adds a report in a file of the folder, unless that format is written to a file anyway.
    pub(crate) fn also(&mut self, name: &str, folder: &Path) -> anyhow::Result<()> {
        let FormatTarget { format, .. } = FormatTarget::<D>::named(name);
        if !self
            .outputs
            .iter()
            .any(|output| output.format.name == name && output.file.is_some())
        {
            let file = Some(open(folder.join(format.file))?);
            self.outputs.push(Output { format, file });
        }
        Ok(())
    }

    /// Draws and writes every report; returns the files with the names of their formats.
    pub(crate) fn write(self, document: &D) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
        self.write_with(document, None)
    }

    /// The same, with what earlier runs saw.
    pub(crate) fn write_with(
        mut self,
        document: &D,
        history: Option<&History>,
    ) -> anyhow::Result<Vec<(&'static str, PathBuf)>> {
        // Lines that a reader picks out come last: a report would tear them apart.
        self.outputs.sort_by_key(|output| output.format.among_lines);
        let mut files = Vec::new();
        for output in self.outputs {
            let setting = Setting {
                style: style(self.color, output.file.is_some()),
                history,
            };
            let text = (output.format.draw)(document, &setting);
            match output.file {
                None => to_standard_output(&text)?,
                Some((path, mut file)) => {
                    file.write_all(text.as_bytes())
                        .with_context(|| format!("failed to write {}", path.display()))?;
                    files.push((output.format.name, path));
                }
            }
            if let Some(summary) = output.format.job_summary {
                append_summary(|room| summary(document, room));
            }
        }
        Ok(files)
    }
}

fn check_standard_output<D>(outputs: &[Output<D>]) -> anyhow::Result<()> {
    let shared: Vec<&Format<D>> = outputs
        .iter()
        .filter(|output| output.file.is_none())
        .map(|output| output.format)
        .collect();
    let own = shared.iter().filter(|format| !format.among_lines).count();
    let lines = shared.iter().any(|format| format.among_lines);
    let is_text = |format: &&Format<D>| format.among_lines || format.name == "terminal";
    if own > 1 || (lines && !shared.iter().all(is_text)) {
        let message = "two reports cannot share standard output; name a file for one of them, \
                       as in --format json=report.json";
        return Err(UsageError(message.to_owned()).into());
    }
    Ok(())
}

/// Appends to the summary of the job's step, where there is one. The reports are written by then, so
/// that a summary that cannot be is told and fails nothing.
fn append_summary(draw: impl FnOnce(usize) -> String) {
    let Some(path) = std::env::var_os(SUMMARY).filter(|path| !path.is_empty()) else {
        return;
    };
    let path = PathBuf::from(path);
    if let Err(error) = append(&path, draw) {
        anstream::eprintln!(
            "warning: failed to write the step's summary to {}: {error}",
            path.display()
        );
    }
}

fn append(path: &Path, draw: impl FnOnce(usize) -> String) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(path)?;
    let taken = file.metadata()?.len();
    let room = LARGEST_SUMMARY.saturating_sub(taken);
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    let text = draw(room);
    // Of one that is too large GitHub shows nothing, not even what was there before.
    if text.len() > room {
        return Err(std::io::Error::other("it is full"));
    }
    file.write_all(text.as_bytes())
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
fn style(color: Color, to_file: bool) -> terminal::Style {
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
