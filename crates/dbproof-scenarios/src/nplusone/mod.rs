//! The `nplusone` scenario: which pages ask once, and then N times more?
//!
//! Each version of each page is run alone and measured; then several sessions run all of them at
//! the same time. The detector is given what was executed and nothing else: it is
//! not told which page or version a statement belongs to.

mod page;

use std::time::Instant;

use dbproof_analysis::nplusone::{Detection, Detector, Thresholds};
use dbproof_analysis::sql;
use dbproof_analysis::traffic::{HashKey, Statements};
use dbproof_model::{
    Finding, Location, NPlusOneRecord, PageMeasurement, ProjectedTime, Scenario, Severity, Verdict,
};
use dbproof_postgres::{Address, catalog, connect};
use futures_util::future::try_join_all;

use crate::error::RunError;
use crate::observer::{Event, Observer};
use crate::options::RunOptions;
use crate::project::pages::{Page, Version};
use page::{PageExecution, PageSession};

/// Network round trips that a page's time is projected to, in milliseconds: the same data centre,
/// another zone, another region or a proxy in between.
const ROUND_TRIPS_MS: [f64; 3] = [0.5, 1.0, 5.0];

/// Runs, measures and examines every page.
pub(crate) async fn run(
    options: &RunOptions,
    address: &Address,
    pages: &[Page],
    observer: &dyn Observer,
) -> Result<(NPlusOneRecord, Vec<Finding>), RunError> {
    let config = &options.project.config.nplusone;
    let versions: Vec<(&Page, &Version)> = pages
        .iter()
        .flat_map(|page| page.versions.iter().map(move |v| (page, v)))
        .collect();
    let origin = Instant::now();
    let mut executed = Vec::new();
    let mut measurements = Vec::new();
    for (done, &(page, version)) in versions.iter().enumerate() {
        let name = format!("{} {}", page.name, version.name);
        observer.event(Event::Step {
            scenario: Scenario::NPlusOne,
            name: &name,
            done,
            total: versions.len() + 1,
        });
        let number = u32::try_from(done + 1).unwrap_or(u32::MAX);
        let mut session = PageSession::open(address, page, version, number, origin).await?;
        let executions = session.load().await?;
        measurements.push(measure(&mut session, page, version, config.runs, &executions).await?);
        session.close().await;
        executed.extend(executions);
    }
    observer.event(Event::Step {
        scenario: Scenario::NPlusOne,
        name: "all pages at the same time",
        done: versions.len(),
        total: versions.len() + 1,
    });
    let first = u32::try_from(versions.len() + 1).unwrap_or(u32::MAX);
    executed.extend(interleave(address, &versions, first, config.sessions, origin).await?);
    let mut detection = detected(address, executed).await?;
    for finding in &mut detection.findings {
        finding.location = location(&finding.subject, &versions);
    }
    let record = NPlusOneRecord {
        verdict: verdict(&detection),
        sessions: detection.sessions,
        executions: detection.executions,
        complete: detection.incomplete.is_empty(),
        dropped: 0,
        reasons: detection.incomplete,
        groups: detection.groups,
        pages: measurements,
    };
    Ok((record, detection.findings))
}

/// What repeats in these executions.
async fn detected(
    address: &Address,
    mut executions: Vec<PageExecution>,
) -> Result<Detection, RunError> {
    let schema = {
        let session = connect(address).await?;
        catalog::schema(&session).await?
    };
    let mut detector = Detector::new(Thresholds::default());
    detector.schema(0, schema);
    // The values stay in this process, so their hashes need no secret.
    let mut statements = Statements::new(HashKey(0, 0));
    executions.sort_by_key(|execution| execution.sent_us);
    for execution in &executions {
        detector.push(execution.executed(&mut statements));
    }
    Ok(detector.finish())
}

/// The step that a repeated statement comes from.
fn location(template: &str, versions: &[(&Page, &Version)]) -> Option<Location> {
    versions.iter().find_map(|(page, version)| {
        let repeated = |sql: &str| sql::template(sql, &[]).shape == template;
        let step = version.steps.iter().find(|step| repeated(&step.sql))?;
        let place = page.place_of(&step.sql);
        Some(Location {
            file: place.file,
            line: place.line,
        })
    })
}

fn verdict(detection: &Detection) -> Verdict {
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    if detection.findings.iter().any(is_error) {
        return Verdict::Fail;
    }
    // Nothing captured, or not all of it: there may be more than was seen.
    if detection.executions == 0 || !detection.incomplete.is_empty() {
        return Verdict::Inconclusive;
    }
    Verdict::Pass
}

/// Loads a page again and again for its wall time.
async fn measure(
    session: &mut PageSession<'_>,
    page: &Page,
    version: &Version,
    runs: u32,
    executions: &[PageExecution],
) -> Result<PageMeasurement, RunError> {
    let mut walls = Vec::with_capacity(runs as usize);
    for _ in 0..runs {
        let began = Instant::now();
        session.load().await?;
        walls.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    walls.sort_by(f64::total_cmp);
    let wall_ms = walls[walls.len() / 2];
    let statements = executions.len() as u64;
    Ok(PageMeasurement {
        page: page.name.clone(),
        version: version.name.clone(),
        runs: u64::from(runs),
        statements,
        // Every statement is prepared beforehand and waits for its answer: one round trip each.
        round_trips: statements,
        wall_ms,
        projected: ROUND_TRIPS_MS
            .iter()
            .map(|&round_trip_ms| ProjectedTime {
                round_trip_ms,
                wall_ms: wall_ms + statements as f64 * round_trip_ms,
            })
            .collect(),
    })
}

/// Runs the versions at the same time, session by session in turn.
async fn interleave(
    address: &Address,
    versions: &[(&Page, &Version)],
    first: u32,
    sessions: u32,
    origin: Instant,
) -> Result<Vec<PageExecution>, RunError> {
    let mut open = Vec::new();
    for (index, &(page, version)) in (0..sessions).zip(versions.iter().cycle()) {
        open.push(PageSession::open(address, page, version, first + index, origin).await?);
    }
    let loaded = try_join_all(open.iter_mut().map(PageSession::load)).await?;
    for session in open {
        session.close().await;
    }
    Ok(loaded.into_iter().flatten().collect())
}
