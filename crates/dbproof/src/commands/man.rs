//! `dbproof man`: the manual, generated from the arguments.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use crate::arguments::{Arguments, ManArguments};
use crate::exit::{Outcome, UsageError};
use crate::output::to_standard_output;

pub(crate) fn run(arguments: &ManArguments) -> anyhow::Result<Outcome> {
    let pages = pages();
    if let Some(folder) = &arguments.to {
        write(folder, &pages)?;
        return Ok(Outcome::Pass);
    }
    let name = match &arguments.command {
        Some(command) => format!("dbproof-{command}"),
        None => "dbproof".to_owned(),
    };
    let page = pages.iter().find(|page| page.name == name);
    let page = page.ok_or_else(|| no_page(&name, &pages))?;
    to_standard_output(&page.text)?;
    Ok(Outcome::Pass)
}

/// A page of section 1.
struct Page {
    name: String,
    text: String,
}

/// That of the program, and one for each command that users call.
fn pages() -> Vec<Page> {
    let mut program = Arguments::command()
        .disable_help_subcommand(true)
        .subcommand_value_name("COMMAND")
        .subcommand_help_heading("COMMANDS");
    program.build();
    let commands: Vec<Command> = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .cloned()
        .collect();
    let others: Vec<String> = commands.iter().map(name_of).collect();
    let mut pages = vec![page(program, &others)];
    let program = ["dbproof".to_owned()];
    pages.extend(commands.into_iter().map(|command| page(command, &program)));
    pages
}

/// A command that is built is named as its page is: `dbproof-run`.
fn name_of(command: &Command) -> String {
    let name = command.get_display_name();
    name.unwrap_or(command.get_name()).to_owned()
}

fn page(command: Command, others: &[String]) -> Page {
    let name = name_of(&command);
    let mut text = Vec::new();
    Man::new(command)
        .render(&mut text)
        .expect("a Vec takes everything");
    let text = String::from_utf8(text).expect("made of strings");
    // clap_mangen leaves an empty date out, and what follows it would be read as the date. Its breaks around an empty
    // line are one empty line.
    let title = format!(
        ".TH {} 1 \"{}\" \"dbproof {}\" \"dbproof manual\"",
        name.to_uppercase(),
        date(),
        env!("CARGO_PKG_VERSION")
    );
    let lines = text.lines().map(|line| {
        if line.starts_with(".TH ") {
            title.as_str()
        } else {
            line
        }
    });
    let lines: Vec<&str> = lines.collect();
    let mut text = lines.join("\n").replace("\n.br\n\n.br\n", "\n.sp\n");
    let others: Vec<String> = others.iter().map(|other| format!("{other}(1)")).collect();
    let mut see_also = Roff::new();
    see_also.control("SH", ["SEE ALSO"]);
    see_also.text([roman(others.join(", "))]);
    text.push('\n');
    text.push_str(&see_also.to_roff());
    Page { name, text }
}

/// That of the commit; empty where it is not known.
fn date() -> &'static str {
    let version = env!("DBPROOF_VERSION").trim_end_matches(')');
    let (_, last) = version.rsplit_once(' ').unwrap_or_default();
    let is_date = last.len() == 10 && last.contains('-');
    if is_date { last } else { "" }
}

fn write(folder: &Path, pages: &[Page]) -> anyhow::Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("failed to make the folder {}", folder.display()))?;
    for page in pages {
        let file = folder.join(format!("{}.1", page.name));
        fs::write(&file, &page.text)
            .with_context(|| format!("failed to write {}", file.display()))?;
    }
    let number = pages.len();
    anstream::eprintln!("{number} pages written to {}", folder.display());
    Ok(())
}

fn no_page(name: &str, pages: &[Page]) -> UsageError {
    let command = name.trim_start_matches("dbproof-");
    let known = pages
        .iter()
        .filter_map(|page| page.name.strip_prefix("dbproof-"));
    let known: Vec<&str> = known.collect();
    UsageError(format!(
        "there is no command `{command}`; the commands are {}",
        known.join(", ")
    ))
}
