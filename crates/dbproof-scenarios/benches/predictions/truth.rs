//! Which pairs of a suite's templates deadlock, by brute force over their instances: [`Truth`].

use std::collections::BTreeSet;
use std::fs;

use dbproof_postgres::{Binaries, EphemeralServer};
use serde::{Deserialize, Serialize};

use crate::application::{connect, set_up};
use crate::brute_force::{BruteForce, Transaction};
use crate::suite::Suite;

/// What brute force found, as `deadlocks.toml` keeps it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Truth {
    /// The version of the server that it was found on.
    pub(crate) server: String,
    /// How many pairs of instances were searched; the others have no lock in common.
    pub(crate) searched: usize,
    /// How many schedules were run.
    pub(crate) schedules: usize,
    /// The pairs of templates that deadlock, in the order of their names.
    pub(crate) deadlocks: Vec<Deadlock>,
}

/// Two templates, or one twice, that deadlock.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deadlock {
    /// Their names.
    pub(crate) templates: [String; 2],
    /// The instances of theirs that show it, counted from 1.
    pub(crate) instances: [usize; 2],
    /// Who of the two takes each step, up to the one that closes the cycle.
    pub(crate) schedule: String,
}

const FILE: &str = "deadlocks.toml";

impl Truth {
    /// Reads what was found before.
    pub(crate) fn read(suite: &Suite) -> Result<Self, String> {
        let path = suite.folder.join(FILE);
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| told(&error))?;
        toml::from_str(&text).map_err(|error| told(&error))
    }

    /// Writes what was found into the suite's folder.
    pub(crate) fn write(&self, suite: &Suite) -> Result<(), String> {
        let path = suite.folder.join(FILE);
        let mut text = String::from(
            "# What brute force over the interleavings of statements found, as `make bench-predictions\n\
             # ARGS=\"search NAME\"` has written it. Not to be edited.\n",
        );
        text.push_str(&toml::to_string(self).map_err(|error| error.to_string())?);
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The pairs of names.
    pub(crate) fn pairs(&self) -> BTreeSet<[String; 2]> {
        let pairs = self.deadlocks.iter().map(|d| d.templates.clone());
        pairs.collect()
    }

    /// Searches, on a server of its own.
    pub(crate) async fn search(suite: &Suite) -> Result<Self, String> {
        let binaries = std::env::var_os("DBPROOF_PG_BIN").map(std::path::PathBuf::from);
        let binaries = Binaries::find(binaries.as_deref()).map_err(|error| error.to_string())?;
        let server = EphemeralServer::start(&binaries);
        let server = server.await.map_err(|error| error.to_string())?;
        let url = server.address().url_with_password();
        let client = connect(&url).await.map_err(|error| error.to_string())?;
        let filled = set_up(&client, suite).await;
        filled.map_err(|error| format!("{}: {error:?}", suite.folder.display()))?;
        let version = client.query_one("SHOW server_version", &[]).await;
        let version: String = version.map_err(|error| error.to_string())?.get(0);
        let calls = Calls::of(suite);
        let found = BruteForce::search(server.address(), &calls.transactions).await;
        // The first instances that show it stand for a pair of templates.
        let mut deadlocks: Vec<Deadlock> = Vec::new();
        for ((first, second), path) in found.deadlocks {
            let templates = [first, second].map(|call| calls.template(suite, call));
            if deadlocks.iter().all(|known| known.templates != templates) {
                deadlocks.push(Deadlock {
                    templates,
                    instances: [first, second].map(|call| calls.all[call].1 + 1),
                    schedule: path.iter().map(|side| ["a", "b"][*side]).collect(),
                });
            }
        }
        deadlocks.sort_by(|a, b| a.templates.cmp(&b.templates));
        Ok(Self {
            server: format!("PostgreSQL {version}"),
            searched: found.pairs,
            schedules: found.schedules,
            deadlocks,
        })
    }
}

/// Every instance of every template.
struct Calls {
    /// Template and instance.
    all: Vec<(usize, usize)>,
    transactions: Vec<Transaction>,
}

impl Calls {
    fn of(suite: &Suite) -> Self {
        let (mut all, mut transactions) = (Vec::new(), Vec::new());
        for (at, template) in suite.templates.iter().enumerate() {
            for instance in 0..template.instances.len() {
                all.push((at, instance));
                transactions.push(Transaction {
                    name: format!("{} #{}", template.name, instance + 1),
                    statements: template.alone(instance),
                });
            }
        }
        Self { all, transactions }
    }

    fn template(&self, suite: &Suite, call: usize) -> String {
        suite.templates[self.all[call].0].name.clone()
    }
}
