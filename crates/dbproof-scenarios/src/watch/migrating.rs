//! A migration among the transactions that deadlocks are predicted from.

use std::path::Path;

use dbproof_analysis::transactions::Transactions;
use dbproof_model::{DeadlockRecord, NotChecked, Verdict};

use crate::error::{InputError, RunError};
use crate::prediction::MigrationPlan;
use crate::project::Project;

/// A migration that was put among the transactions.
#[derive(Debug)]
pub(super) struct Joined {
    file: String,
    notes: Vec<String>,
}

/// The transactions of a migration's file, as the project's tool runs them; without a project, as most
/// tools do.
///
/// # Errors
///
/// [`RunError::Input`] where the file cannot be read or has nothing that could be run.
pub(super) fn plan(project: Option<&Project>, file: &Path) -> Result<MigrationPlan, RunError> {
    let of_folder = Project::without_configuration(Path::new("."));
    let project = project.unwrap_or(&of_folder);
    let (migration, _) = project.migration_and_base(file)?;
    let name = migration.file.name.clone();
    let plan = MigrationPlan::of(&[migration], &project.config.regress);
    if plan.is_empty() {
        let message = format!("{name} has no statement that migrates anything");
        let help = "name the file with the SQL that is to be run, such as what `manage.py sqlmigrate` \
                    prints";
        return Err(InputError::new(message)
            .with_help(Some(help.to_owned()))
            .into());
    }
    Ok(plan)
}

/// Puts the migration among the transactions.
pub(super) fn join(plan: &MigrationPlan, transactions: &mut Transactions) -> Joined {
    let left_out = plan.join(transactions);
    let mut notes = plan.notes.clone();
    let file = plan.file().to_owned();
    if left_out > 0 {
        notes.push(format!(
            "{file} was applied in the capture; the sandbox was made without its {left_out} statements, \
             so that it is as it was before"
        ));
    }
    Joined { file, notes }
}

/// Adds to a record what is to be known of the migration in it. One that met nobody was not checked.
pub(super) fn told(mut record: DeadlockRecord, joined: Option<Joined>) -> DeadlockRecord {
    let (Some(coverage), Some(joined)) = (&mut record.prediction, joined) else {
        return record;
    };
    coverage.notes.extend(joined.notes);
    if coverage.migrations.is_empty() {
        coverage.not_checked.push(NotChecked {
            what: joined.file,
            why: "no transaction that locks anything was captured, which it could have been held against"
                .to_owned(),
        });
        if record.verdict == Verdict::Pass {
            record.verdict = Verdict::Inconclusive;
        }
    }
    record
}
