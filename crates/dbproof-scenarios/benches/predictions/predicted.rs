//! What a watch predicts of a suite, beside what brute force found: [`Comparison`].

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::time::Instant;

use dbproof_model::{RunRecord, ThresholdSource};
use dbproof_scenarios::watch::{WatchOptions, WatchedServer, watch};
use dbproof_scenarios::{ServerChoice, Silent, Threshold};

use crate::application::Style;
use crate::suite::Suite;
use crate::truth::Truth;

/// A pair of templates, in the order of their names.
type Pair = [String; 2];

/// What was predicted of a suite, beside what brute force found.
pub(crate) struct Comparison {
    title: String,
    seconds: f64,
    truth: BTreeSet<Pair>,
    confirmed: BTreeMap<Pair, Vec<String>>,
    possible: BTreeMap<Pair, Vec<String>>,
    /// Of more than two transactions, or of such as are not the suite's.
    others: Vec<String>,
    incomplete: Option<String>,
}

/// The heading of the table that [`Comparison::row`] is a row of.
pub(crate) fn heading() -> String {
    "| suite | brute force | confirmed | of these found | missed | confirmed beyond brute force | \
     possible | of more than two | seconds |\n|---|---|---|---|---|---|---|---|---|"
        .to_owned()
}

impl Comparison {
    /// Watches an application that sends what of the suite is seen.
    pub(crate) async fn of(
        name: &str,
        suite: &Suite,
        truth: &Truth,
        style: Style,
    ) -> Result<Self, String> {
        let began = Instant::now();
        let record = watched(name, style).await?;
        let seconds = began.elapsed().as_secs_f64();
        let deadlock = record.scenarios.deadlock.as_ref();
        let mut comparison = Self {
            title: format!("{name}, {style}"),
            seconds,
            truth: truth.pairs(),
            confirmed: BTreeMap::new(),
            possible: BTreeMap::new(),
            others: Vec::new(),
            incomplete: deadlock
                .is_none()
                .then(|| "the record has no predictions".to_owned()),
        };
        for prediction in deadlock.map_or(&[][..], |deadlock| &deadlock.predictions) {
            let names = prediction
                .transactions
                .iter()
                .map(|t| template_of(suite, t));
            let names: Option<Vec<String>> = names.collect();
            let told = format!(
                "{} {}: {}",
                prediction.verdict,
                prediction.transactions.join(", "),
                prediction.objects.join(", ")
            );
            match names.map(Pair::try_from) {
                Some(Ok(mut pair)) => {
                    pair.sort();
                    let is_confirmed = prediction.verdict == "confirmed";
                    let found = if is_confirmed {
                        &mut comparison.confirmed
                    } else {
                        &mut comparison.possible
                    };
                    found.entry(pair).or_default().push(told);
                }
                _ => comparison.others.push(told),
            }
        }
        Ok(comparison)
    }

    fn missed(&self) -> impl Iterator<Item = &Pair> {
        self.truth
            .iter()
            .filter(|pair| !self.confirmed.contains_key(*pair))
    }

    fn beyond(&self) -> impl Iterator<Item = (&Pair, &Vec<String>)> {
        self.confirmed
            .iter()
            .filter(|(pair, _)| !self.truth.contains(*pair))
    }

    /// The numbers, as a row.
    pub(crate) fn row(&self) -> String {
        let (missed, beyond) = (self.missed().count(), self.beyond().count());
        format!(
            "| {} | {} | {} | {} | {missed} | {beyond} | {} | {} | {:.0} |",
            self.title,
            self.truth.len(),
            self.confirmed.len(),
            self.truth.len() - missed,
            self.possible.len(),
            self.others.len(),
            self.seconds
        )
    }

    /// What the numbers are made of.
    pub(crate) fn differences(&self) -> String {
        let mut text = format!("\n{}:\n\n", self.title);
        if let Some(reason) = &self.incomplete {
            let _ = writeln!(text, "* not comparable: {reason}");
            return text;
        }
        for pair in self.missed() {
            let known = self.possible.get(pair);
            let known = known.map_or("", |_| ", though it is told as possible");
            let _ = writeln!(text, "* missed: {} and {}{known}", pair[0], pair[1]);
        }
        for (_, told) in self.beyond() {
            let _ = writeln!(text, "* beyond brute force: {}", told.join("; "));
        }
        let possible = self.possible.iter();
        for (_, told) in possible.filter(|(pair, _)| !self.truth.contains(*pair)) {
            let _ = writeln!(text, "* {}", told.join("; "));
        }
        for told in &self.others {
            let _ = writeln!(text, "* other: {told}");
        }
        text
    }
}

/// Watches this program as it sends what of the suite is seen, on a throw-away server.
async fn watched(name: &str, style: Style) -> Result<RunRecord, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let style = style.to_string();
    let arguments = ["replay", name, &style].map(OsString::from);
    let is_of_a_server = |name: &str| name.starts_with("PG") || name == "DATABASE_URL";
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let options = WatchOptions {
        predict: true,
        cleaner: None,
        project: None,
        server: WatchedServer::Choice(ServerChoice::Ephemeral {
            binaries: std::env::var_os("DBPROOF_PG_BIN").map(Into::into),
        }),
        command: [program.into_os_string()]
            .into_iter()
            .chain(arguments)
            .collect(),
        environment: environment
            .filter(|(name, _)| !is_of_a_server(name))
            .collect(),
        variables: Vec::new(),
        listen: None,
        duration: None,
        prove: false,
        migration: None,
        save_trace: None,
        // What is slow is of no interest here.
        threshold: Threshold {
            milliseconds: 1e6,
            source: ThresholdSource::Argument,
        },
        seed: 42,
        keep_values: false,
    };
    let record = watch(&options, &Silent)
        .await
        .map_err(|error| error.to_string())?;
    let record = record.ok_or("interrupted")?;
    let exit = record.scenarios.watch.as_ref().and_then(|watch| watch.exit);
    match exit.and_then(|exit| exit.code) {
        Some(0) => Ok(record),
        code => Err(format!("the application ended with {code:?}")),
    }
}

/// The template that a transaction's name in a record has in it as a word: names of transactions are
/// made of the tags that its statements carry, with a number where several would have one.
fn template_of(suite: &Suite, transaction: &str) -> Option<String> {
    let mut words = transaction.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.find_map(|word| {
        let mut names = suite.templates.iter().map(|template| &template.name);
        names.find(|name| *name == word).cloned()
    })
}
