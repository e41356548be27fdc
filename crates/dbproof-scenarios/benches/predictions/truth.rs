//! Which pairs of a suite's templates deadlock, by brute force over their instances: [`Truth`].

use std::collections::BTreeSet;
use std::fs;

use dbproof_postgres::{Binaries, EphemeralServer};
use serde::{Deserialize, Serialize};

use crate::application::{connect, set_up};
use crate::brute_force::{BruteForce, Searched, Transaction};
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
        let (mut searched, mut schedules, mut deadlocks) = (0, 0, Vec::new());
        for impatient in [false, true] {
            let found = calls.search(server.address(), impatient).await;
            searched += found.pairs;
            schedules += found.schedules;
            for ((first, second), path) in found.deadlocks {
                deadlocks.push(Deadlock {
                    templates: [first, second].map(|call| calls.template(suite, call)),
                    instances: [first, second].map(|call| calls.all[call].1 + 1),
                    schedule: path.iter().map(|side| ["a", "b"][*side]).collect(),
                });
            }
        }
        deadlocks.sort_by(|a, b| a.templates.cmp(&b.templates));
        Ok(Self {
            server: format!("PostgreSQL {version}"),
            searched,
            schedules,
            deadlocks,
        })
    }
}

/// Every instance of every template.
struct Calls {
    /// Template and instance.
    all: Vec<(usize, usize)>,
    transactions: Vec<Transaction>,
    /// Whether the template, by its number, limits how long it waits.
    impatient: Vec<bool>,
}

impl Calls {
    fn of(suite: &Suite) -> Self {
        let (mut all, mut transactions, mut impatient) = (Vec::new(), Vec::new(), Vec::new());
        for (at, template) in suite.templates.iter().enumerate() {
            for instance in 0..template.instances.len() {
                all.push((at, instance));
                transactions.push(Transaction {
                    name: format!("{} #{}", template.name, instance + 1),
                    statements: template.alone(instance),
                });
            }
            let statements = template.written(0);
            impatient.push(statements.iter().any(|text| text.contains("lock_timeout")));
        }
        Self {
            all,
            transactions,
            impatient,
        }
    }

    fn template(&self, suite: &Suite, call: usize) -> String {
        suite.templates[self.all[call].0].name.clone()
    }

    /// Searches the pairs in which somebody limits how long they wait, or the others. Who does so has
    /// less patience than the server has by default, and the search has a server look for deadlocks
    /// sooner than any; so in these pairs it looks when a server does by default.
    async fn search(&self, address: &dbproof_postgres::Address, impatient: bool) -> Searched {
        let mut transactions = self.transactions.clone();
        if impatient {
            let default = "SET LOCAL deadlock_timeout = '1s'".to_owned();
            transactions
                .iter_mut()
                .for_each(|t| t.statements.insert(0, default.clone()));
        }
        // Once a pair of templates deadlocks, what their other instances do is of no interest.
        let wanted = |first: usize, second: usize, found: &Searched| {
            let pair = [self.all[first].0, self.all[second].0];
            let known = found
                .deadlocks
                .keys()
                .any(|(a, b)| [self.all[*a].0, self.all[*b].0] == pair);
            pair.iter().any(|template| self.impatient[*template]) == impatient && !known
        };
        if impatient && !self.impatient.contains(&true) {
            return Searched::default();
        }
        BruteForce::search_where(address, &transactions, wanted).await
    }
}
