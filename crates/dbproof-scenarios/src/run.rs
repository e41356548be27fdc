//! One run from start to verdict: [`run`].

use std::path::Path;
use std::time::Instant;

use dbproof_model::{
    DeadlockRecord, Finding, RECORD_SCHEMA, RunRecord, Scenario, Scenarios, Server, Severity, Tool,
    Verdict,
};
use dbproof_postgres::Address;
use rand::RngExt as _;

use crate::environment::Environment;
use crate::error::{InputError, RunError};
use crate::observer::{Event, Observer};
use crate::options::{ChangeChoice, RunOptions};
use crate::project::baselines::AcceptedPlans;
use crate::project::pages::Page;
use crate::project::{MonitoredQuery, Project};
use crate::regress::Subject;
use crate::watch::{Traced, migrations_against_trace};
use crate::{deadlock, git, host, nplusone, regress, slow, stage};

/// What the scenarios need of the user's files, read before any server is started.
struct Inputs {
    trace: Option<Traced>,
    slow: Option<Vec<MonitoredQuery>>,
    regress: Option<(Vec<MonitoredQuery>, Subject, AcceptedPlans)>,
    nplusone: Option<Vec<Page>>,
    deadlock: Option<deadlock::Plan>,
}

/// Runs the scenarios and returns everything that was seen.
///
/// # Errors
///
/// [`RunError::Input`] where the user's files are at fault, before or during the run;
/// [`RunError::Environment`] where the server is. Whatever happens, and also when the future is
/// dropped, server and databases of the run are removed.
pub async fn run(options: &RunOptions, observer: &dyn Observer) -> Result<RunRecord, RunError> {
    let beginning = Beginning::now();
    let inputs = Inputs::read(options)?;
    let environment = Environment::open(options, &beginning.run_id, observer).await?;
    let played = Box::pin(play(options, &environment, &inputs, observer)).await;
    let (scenarios, findings) = played.map_err(|error| environment.explain_loss(error))?;
    let project = &options.project;
    Ok(beginning.record(
        Some(project),
        options.seed,
        environment.server(),
        scenarios,
        findings,
    ))
}

/// What is known of a run when it begins.
#[derive(Debug)]
pub(crate) struct Beginning {
    /// Names the run among all others.
    pub(crate) run_id: String,
    began: Instant,
    started_at: String,
}

impl Beginning {
    /// A run begins.
    pub(crate) fn now() -> Self {
        Beginning {
            run_id: format!("{:016x}", rand::rng().random::<u64>()),
            began: Instant::now(),
            started_at: jiff::Timestamp::now()
                .strftime("%Y-%m-%dT%H:%M:%SZ")
                .to_string(),
        }
    }

    /// The record of the run, which is over; the findings are put in order.
    pub(crate) fn record(
        self,
        project: Option<&Project>,
        seed: u64,
        server: Server,
        scenarios: Scenarios,
        mut findings: Vec<Finding>,
    ) -> RunRecord {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        RunRecord {
            schema: RECORD_SCHEMA.to_owned(),
            tool: Tool {
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            run_id: self.run_id,
            project: project.and_then(Project::name),
            configuration: project.and_then(|project| project.file.clone()),
            started_at: self.started_at,
            duration_ms: self.began.elapsed().as_secs_f64() * 1000.0,
            seed,
            git: git::revision(project.map_or(Path::new("."), |project| &project.folder)),
            host: host::host(),
            server,
            verdict: verdict(&scenarios, &findings),
            findings,
            scenarios,
        }
    }
}

fn verdict(scenarios: &Scenarios, findings: &[Finding]) -> Verdict {
    let errors = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .map(|_| Verdict::Fail);
    Verdict::of_all(
        scenarios
            .verdicts()
            .into_iter()
            .map(|(_, verdict)| verdict)
            .chain(errors),
    )
}

impl Inputs {
    /// How many scenarios there are inputs for.
    fn scenarios(&self) -> usize {
        let asked = [
            self.slow.is_some(),
            self.regress.is_some(),
            self.nplusone.is_some(),
            self.deadlock.is_some(),
        ];
        asked.into_iter().filter(|asked| *asked).count()
    }

    fn read(options: &RunOptions) -> Result<Self, RunError> {
        let project = &options.project;
        let asked = |scenario| options.scenarios.contains(&scenario);
        let any = options.scenarios.is_empty();
        if options.in_place && options.scenarios != [Scenario::Slow] {
            return Err(
                InputError::new("only `slow` can measure a database in place")
                    .with_help(Some(
                        "the other scenarios change what they measure, so they need databases of \
                     their own: leave --in-place away"
                            .to_owned(),
                    ))
                    .into(),
            );
        }
        let has = |folder: &str| project.folder.join(folder).is_dir();
        let config = &project.config;
        let slow = asked(Scenario::Slow) || any && has(&config.project.queries);
        // A single migration has nothing before it to be compared with, but for accepted plans.
        let any_schema = has(&config.project.migrations) || config.project.schema.is_some();
        let several =
            any_schema && project.migrations()?.len() > 1 || has(&config.regress.baselines);
        let regress = asked(Scenario::Regress)
            || any && has(&config.project.queries) && (several || options.change.is_some());
        let nplusone = asked(Scenario::NPlusOne) || any && has(&config.nplusone.pages);
        let deadlock = asked(Scenario::Deadlock) || any && has(&config.deadlock.shapes);
        if !(slow || regress || nplusone || deadlock) {
            return Err(InputError::new("the project has nothing to run")
                .with_help(Some(format!(
                    "there is none of the folders {}/, {}/ and {}/ in {}",
                    config.project.queries,
                    config.nplusone.pages,
                    config.deadlock.shapes,
                    project.folder.display()
                )))
                .into());
        }
        let trace = options.trace.as_deref();
        let inputs = Inputs {
            trace: trace.map(|path| Traced::read(path, true)).transpose()?,
            slow: slow.then(|| project.queries()).transpose()?,
            regress: regress
                .then(|| {
                    let accepted = project.accepted_plans()?;
                    Ok::<_, RunError>((project.queries()?, subject(options)?, accepted))
                })
                .transpose()?,
            nplusone: nplusone.then(|| project.pages()).transpose()?,
            deadlock: deadlock
                .then(|| deadlock::Plan::read(project, &options.deadlock))
                .transpose()?,
        };
        inputs.refuse_empty_folders(options)?;
        inputs.refuse_trace_without_migration(options)?;
        Ok(inputs)
    }

    /// A trace is there to hold a migration against.
    fn refuse_trace_without_migration(&self, options: &RunOptions) -> Result<(), RunError> {
        let change = self.regress.as_ref().map(|(_, subject, _)| subject);
        let has_none = match change {
            Some(Subject::Change(change)) => change.migrations.is_empty(),
            _ => true,
        };
        if options.trace.is_none() || !has_none {
            return Ok(());
        }
        let help = "name one with --migration FILE, or leave --trace away";
        Err(
            InputError::new("there is no migration to hold against the trace")
                .with_help(Some(help.to_owned()))
                .into(),
        )
    }

    fn refuse_empty_folders(&self, options: &RunOptions) -> Result<(), RunError> {
        let config = &options.project.config;
        let empty = |what: &str, folder: &str| {
            let message = format!("there is no {what} in {folder}/");
            Err(InputError::new(message)
                .with_help(Some("examples/shop/ has one to copy from".to_owned()))
                .into())
        };
        if self.nplusone.as_ref().is_some_and(Vec::is_empty) {
            return empty("page", &config.nplusone.pages);
        }
        if self.deadlock.as_ref().is_some_and(deadlock::Plan::is_empty) {
            let message = format!("there is no shape in {}/", config.deadlock.shapes);
            return Err(InputError::new(message)
                .with_help(Some(
                    "`dbproof deadlock --list` names those that dbproof carries, for --shape NAME; \
                     examples/shop/ has one to copy from"
                        .to_owned(),
                ))
                .into());
        }
        Ok(())
    }

    /// Whether a scenario needs a database with the whole schema.
    fn need_full_stage(&self, options: &RunOptions) -> bool {
        let deadlock = self.deadlock.as_ref();
        let other = self.nplusone.is_some() || deadlock.is_some_and(deadlock::Plan::needs_project);
        other || self.slow.is_some() && !options.in_place
    }
}

/// The change under test: the one that was asked for, else the one of `dbproof.toml`.
fn subject(options: &RunOptions) -> Result<Subject, RunError> {
    let project = &options.project;
    let configured = &project.config.regress;
    let change = match &options.change {
        Some(ChangeChoice::Databases(given)) => return Ok(Subject::Databases(given.clone())),
        Some(ChangeChoice::Since(revision)) => project.change_since(revision),
        Some(ChangeChoice::Migration(file)) => project.change(Some(file)),
        None => match &configured.base {
            Some(revision) => project.change_since(revision),
            None => project.change(configured.migration.as_deref().map(Path::new)),
        },
    };
    change.map(Subject::Change)
}

async fn play(
    options: &RunOptions,
    environment: &Environment,
    inputs: &Inputs,
    observer: &dyn Observer,
) -> Result<(Scenarios, Vec<Finding>), RunError> {
    let mut scenarios = Scenarios::default();
    let mut findings = Vec::new();
    observer.event(Event::Planned {
        scenarios: inputs.scenarios(),
    });
    let address = if inputs.need_full_stage(options) {
        full_stage(options, environment, observer).await?
    } else {
        environment.address().clone()
    };
    if let Some(queries) = &inputs.slow {
        observer.event(Event::ScenarioStarted(Scenario::Slow));
        let target = slow::Target {
            address: &address,
            elsewhere: environment.address(),
        };
        let (record, found) = slow::run(options, target, queries, observer).await?;
        observer.event(Event::ScenarioFinished(Scenario::Slow, record.verdict));
        scenarios.slow = Some(record);
        findings.extend(found);
    }
    if let Some((queries, subject, accepted)) = &inputs.regress {
        observer.event(Event::ScenarioStarted(Scenario::Regress));
        let (record, found) =
            regress::run(options, environment, queries, (subject, accepted), observer).await?;
        observer.event(Event::ScenarioFinished(Scenario::Regress, record.verdict));
        scenarios.regress = Some(record);
        findings.extend(found);
    }
    // What it comes to stands beside what `deadlock` itself runs.
    let mut predicted = None;
    if let (Some(trace), Some((_, Subject::Change(change), _))) = (&inputs.trace, &inputs.regress) {
        let base = environment.databases().address(regress::BASE);
        let what = (trace.clone(), &change.migrations[..]);
        let held = migrations_against_trace(options, what, environment, &base, observer);
        let (record, found) = Box::pin(held).await;
        findings.extend(found);
        predicted = Some(record);
    }
    if let Some(pages) = &inputs.nplusone {
        observer.event(Event::ScenarioStarted(Scenario::NPlusOne));
        let (record, found) = nplusone::run(options, &address, pages, observer).await?;
        observer.event(Event::ScenarioFinished(Scenario::NPlusOne, record.verdict));
        scenarios.nplusone = Some(record);
        findings.extend(found);
    }
    if let Some(plan) = &inputs.deadlock {
        observer.event(Event::ScenarioStarted(Scenario::Deadlock));
        let (record, found) = Box::pin(deadlock::run(
            options,
            environment,
            &address,
            plan,
            observer,
        ))
        .await?;
        scenarios.deadlock = Some(record);
        findings.extend(found);
    }
    if let Some(predicted) = predicted {
        scenarios.deadlock = Some(match scenarios.deadlock.take() {
            Some(played) => DeadlockRecord {
                verdict: Verdict::of_all([played.verdict, predicted.verdict]),
                predictions: predicted.predictions,
                prediction: predicted.prediction,
                ..played
            },
            None => predicted,
        });
    }
    if let Some(record) = &scenarios.deadlock {
        observer.event(Event::ScenarioFinished(Scenario::Deadlock, record.verdict));
    }
    Ok((scenarios, findings))
}

/// A database with every migration and the seed data.
async fn full_stage(
    options: &RunOptions,
    environment: &Environment,
    observer: &dyn Observer,
) -> Result<Address, RunError> {
    observer.event(Event::Preparing {
        what: "schema and seed data",
    });
    let migrations = options.project.migrations()?;
    stage::prepare(
        environment,
        &options.project,
        &migrations,
        options.seed,
        "main",
    )
    .await
}
