//! `dbproof export RECORD`: sends the figures of a stored run record elsewhere.

use std::path::Path;

use dbproof_scenarios::project::Project;

use crate::arguments::ExportArguments;
use crate::commands::record;
use crate::exit::{Outcome, UsageError};
use crate::exports::Exports;

pub(crate) fn run(arguments: &ExportArguments) -> anyhow::Result<Outcome> {
    let is_default = arguments.config == Path::new("dbproof.toml");
    let project = if is_default && !arguments.config.exists() {
        Project::without_configuration(Path::new("."))
    } else {
        Project::open(&arguments.config)?
    };
    if arguments.to.is_empty() && project.config.export.to.is_empty() {
        let message = "nothing says where to: name a destination with --to, such as \
                       --to prometheus=dbproof.prom, --to otlp=http://localhost:4318 or \
                       --to postgres://USER@HOST/DATABASE, or in `[export] to` of dbproof.toml";
        return Err(UsageError(message.to_owned()).into());
    }
    let exports = Exports::of(&project, &arguments.to, arguments.keep)?;
    exports.send(&record::read(&arguments.record)?)
}
