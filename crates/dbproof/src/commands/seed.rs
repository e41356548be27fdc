//! `dbproof seed`: fills a database from `data/*.toml`.

use dbproof_model::Verdict;
use dbproof_scenarios::project::Project;
use dbproof_scenarios::seed::{Destination, InferOptions, InferredFile, SeedOptions};

use crate::arguments::SeedArguments;
use crate::commands::{runner, scenarios};
use crate::exit::{Outcome, UsageError};
use crate::output::{Outputs, to_standard_output};
use crate::progress::SeedProgress;

pub(crate) fn run(arguments: SeedArguments) -> anyhow::Result<Outcome> {
    if arguments.infer {
        return infer(arguments);
    }
    let project = Project::open(&arguments.config).map_err(anyhow::Error::from)?;
    let Some(url) = arguments.database_url else {
        return Err(UsageError(NO_SERVER.to_owned()).into());
    };
    let outputs = Outputs::open(&arguments.formats, None, arguments.color)?;
    let options = SeedOptions {
        project,
        url,
        destination: if arguments.in_place {
            Destination::InPlace
        } else {
            Destination::New {
                name: arguments.name,
            }
        },
        seed: arguments.seed,
        scale: arguments.scale,
        threads: arguments.threads.map(usize::from),
        cleaner: Some(scenarios::cleaner()?),
    };
    let progress = SeedProgress::new(arguments.quiet);
    let record = runner::until_interrupted(dbproof_scenarios::seed::seed(&options, &progress));
    progress.finish();
    let Some(record) = record? else {
        return Ok(Outcome::Interrupted);
    };
    outputs.write(&record)?;
    Ok(match record.verdict {
        Verdict::Pass => Outcome::Pass,
        Verdict::Fail => Outcome::Fail,
        Verdict::Inconclusive => Outcome::Inconclusive,
    })
}

/// `dbproof seed --infer`.
fn infer(arguments: SeedArguments) -> anyhow::Result<Outcome> {
    let Some(url) = arguments.database_url else {
        let message = "no database to infer from\nhelp: name it with --database-url \
                       postgres://USER:PASSWORD@HOST:PORT/DATABASE (or DATABASE_URL); it is only read";
        return Err(UsageError(message.to_owned()).into());
    };
    let folder = if let Some(folder) = arguments.output {
        folder
    } else {
        let project = Project::open(&arguments.config).map_err(anyhow::Error::from)?;
        project.folder.join(&project.config.project.data)
    };
    let options = InferOptions {
        url,
        folder,
        keep_values: arguments.keep_values,
    };
    let written = runner::until_interrupted(dbproof_scenarios::seed::infer(&options))?;
    let Some(written) = written else {
        return Ok(Outcome::Interrupted);
    };
    to_standard_output(&told(&written))?;
    Ok(Outcome::Pass)
}

/// The files, and what of each is left to the reader.
fn told(written: &[InferredFile]) -> String {
    let mut lines = Vec::new();
    for file in written {
        lines.push(format!("wrote {} ({})\n", file.path.display(), file.table));
        let open = file.open.iter();
        lines.extend(open.map(|open| format!("  not inferred: {open}\n")));
    }
    lines.concat()
}

const NO_SERVER: &str = "no server to seed on\n\
    help: --database-url postgres://USER:PASSWORD@HOST:PORT/DATABASE (or DATABASE_URL) makes a new \
    database on that server; with --in-place it fills the database of the URL itself";
