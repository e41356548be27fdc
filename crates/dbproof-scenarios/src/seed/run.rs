//! `dbproof seed` from start to end: [`seed`].

use std::time::Instant;

use dbproof_model::{CheckOutcome, SEED_SCHEMA, SeedRecord, SeedTable, Tool, Verdict};
use dbproof_postgres::copy::{Filled, Loading, Progress};
use dbproof_postgres::{Address, Session, connect, copy};
use rand::RngExt as _;

use super::options::{Destination, SeedEvent, SeedObserver, SeedOptions};
use super::{SeedData, default_threads, skew};
use crate::environment::Environment;
use crate::error::{InputError, RunError};
use crate::observer::Silent;
use crate::options::ServerChoice;
use crate::stage;

/// Fills a database with the rows of the project's `data/*.toml`, and compares the planner's
/// statistics with what they ask for.
///
/// # Errors
///
/// [`RunError::Input`] where the user's files are at fault, [`RunError::Environment`] where the
/// server is. Whatever happens, and also when the future is dropped, nothing is left half-filled: a
/// new database gets its name last and is removed without it, and one that was there is filled in
/// one transaction.
pub async fn seed(
    options: &SeedOptions,
    observer: &dyn SeedObserver,
) -> Result<SeedRecord, RunError> {
    let began = Instant::now();
    let scale = options
        .scale
        .unwrap_or(options.project.config.project.scale);
    let data = SeedData::read(&options.project, options.seed, scale)?;
    if data.rows.is_empty() {
        return Err(nothing_to_seed(options).into());
    }
    let loading = |progress| Loading {
        threads: options.threads.unwrap_or_else(default_threads),
        progress,
    };
    let progress = |progress: Progress<'_>| {
        observer.event(SeedEvent::Rows {
            table: progress.table,
            sent: progress.rows,
            total: progress.total,
        });
    };
    let seeded = match &options.destination {
        Destination::InPlace => fill_in_place(options, &data, loading(&progress), observer).await?,
        Destination::New { name } => {
            fill_new(
                options,
                name.as_deref(),
                &data,
                loading(&progress),
                observer,
            )
            .await?
        }
    };
    let verdict = verdict(&seeded.checks);
    Ok(SeedRecord {
        schema: SEED_SCHEMA.to_owned(),
        tool: Tool {
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        project: options.project.name(),
        duration_ms: began.elapsed().as_secs_f64() * 1000.0,
        seed: options.seed,
        scale,
        server_version: seeded.server_version,
        database: seeded.address.database().to_owned(),
        url: seeded.address.url_without_password(),
        in_place: options.destination == Destination::InPlace,
        tables: seeded.filled.into_iter().map(table).collect(),
        verdict,
        checks: seeded.checks,
    })
}

/// A filled database.
struct Seeded {
    address: Address,
    server_version: String,
    filled: Vec<Filled>,
    checks: Vec<dbproof_model::SeedCheck>,
}

fn table(filled: Filled) -> SeedTable {
    SeedTable {
        table: filled.table,
        rows: filled.rows,
        duration_ms: filled.seconds * 1000.0,
    }
}

/// What could not be checked does not fail a seed that is right otherwise, but no check at all
/// proves nothing.
fn verdict(checks: &[dbproof_model::SeedCheck]) -> Verdict {
    let checked = checks.iter().filter_map(|check| match check.outcome {
        CheckOutcome::Ok => Some(Verdict::Pass),
        CheckOutcome::Differs => Some(Verdict::Fail),
        CheckOutcome::NotChecked => None,
    });
    Verdict::of_all(checked)
}

async fn fill_new(
    options: &SeedOptions,
    name: Option<&str>,
    data: &SeedData,
    loading: Loading<'_>,
    observer: &dyn SeedObserver,
) -> Result<Seeded, RunError> {
    let migrations = options.project.migrations()?;
    let run = format!("{:016x}", rand::rng().random::<u64>());
    let name = match name {
        Some(name) => name.to_owned(),
        None => format!("dbproof_seed_{run}"),
    };
    let server = ServerChoice::Url(options.url.clone());
    observer.event(SeedEvent::Step("connecting"));
    let environment = Environment::reach(&server, options.cleaner.as_ref(), &run, &Silent).await?;
    let databases = environment.databases();
    if databases.exists(&name).await? {
        return Err(already_there(&name).into());
    }
    let address = databases.create("seed").await?;
    let session = connect(&address).await?;
    observer.event(SeedEvent::Step("migrations"));
    for migration in &migrations {
        stage::apply(&session, migration).await?;
    }
    observer.event(SeedEvent::Step("rows"));
    let filled = copy::fill(&address, &data.rows, loading).await;
    let filled = filled.map_err(|error| data.explain(&options.project, error))?;
    observer.event(SeedEvent::Step("statistics"));
    session.run("VACUUM (ANALYZE)").await?;
    let checks = skew::check(&session, data, &filled).await?;
    // Nobody may be connected when it gets its name.
    session.close().await;
    let address = databases.keep(&address, &name).await?;
    Ok(Seeded {
        address,
        server_version: environment.server().version,
        filled,
        checks,
    })
}

async fn fill_in_place(
    options: &SeedOptions,
    data: &SeedData,
    loading: Loading<'_>,
    observer: &dyn SeedObserver,
) -> Result<Seeded, RunError> {
    observer.event(SeedEvent::Step("connecting"));
    let address = Address::parse(&options.url)?;
    let session = connect(&address).await?;
    let server_version = dbproof_postgres::catalog::version(&session).await?;
    observer.event(SeedEvent::Step("rows"));
    let filled = copy::fill_in_transaction(&session, &data.rows, loading).await;
    let filled = filled.map_err(|error| data.explain(&options.project, error))?;
    observer.event(SeedEvent::Step("statistics"));
    analyse(&session, data).await?;
    let checks = skew::check(&session, data, &filled).await?;
    session.close().await;
    Ok(Seeded {
        address,
        server_version,
        filled,
        checks,
    })
}

/// Gives the planner statistics of the filled tables, and of no other.
async fn analyse(session: &Session, data: &SeedData) -> Result<(), RunError> {
    for rows in &data.rows {
        copy::analyse(session, rows.table_name()).await?;
    }
    Ok(())
}

fn nothing_to_seed(options: &SeedOptions) -> Box<InputError> {
    let folder = &options.project.config.project.data;
    InputError::new(format!(
        "there is nothing to seed: no table in {folder}/*.toml"
    ))
    .with_help(Some(
        "`dbproof seed --infer` writes a first one from a database that has rows, and \
             [project] data in dbproof.toml names another folder"
            .to_owned(),
    ))
}

fn already_there(name: &str) -> Box<InputError> {
    InputError::new(format!("there is a database \"{name}\" already")).with_help(Some(
        "nothing was done to it; choose another --name, or fill it with --in-place".to_owned(),
    ))
}
