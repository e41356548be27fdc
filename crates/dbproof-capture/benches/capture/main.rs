//! What the tee costs: `pgbench -S` through it, beside the other ways to build one, `PgBouncer` in
//! session mode, and no one between at all, side by side in one run.
//!
//! Every cell (load, protocol, clients) runs all sides one after the other, and each round begins
//! with another of them; figures are medians over the rounds, and so are the ratios, which are formed
//! within a round. The proxies are processes of their own, whose processor time the system tells.
//! Arguments: the number of rounds (default 7) and of transactions a run (default 20000), `together` for all of
//! it on one processor, and names of sides where not all are wanted. Not part of the tests: `make bench-capture`.

mod rivals;
mod scan;
mod serving;
mod table;
mod threads;
mod tokio_loop;

use dbproof_postgres::affinity;
use rivals::{Hog, Place, Proxy, Run};

/// Who stands between pgbench and the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Direct,
    PgBouncer,
    /// The tee of this crate.
    EventLoop,
    /// One runtime of one thread, a task a connection.
    Tokio,
    /// Two blocking threads a connection.
    Threads,
}

impl Side {
    const ALL: [Side; 5] = [
        Side::Direct,
        Side::PgBouncer,
        Side::EventLoop,
        Side::Tokio,
        Side::Threads,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Direct => "direct",
            Side::PgBouncer => "pgbouncer",
            Side::EventLoop => "event-loop",
            Side::Tokio => "tokio",
            Side::Threads => "threads",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Side> {
        Side::ALL.into_iter().find(|side| side.name() == name)
    }
}

/// What else the machine does, and where everything runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    /// Wherever the system puts it, with nothing of ours beside it.
    Quiet,
    /// The same, with a process beside it that takes all of a processor.
    Busy,
    /// Server, proxies and pgbench on one processor: throughput is then what all of them cost
    /// together, whatever the system would have put where.
    Together,
}

impl Machine {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Machine::Quiet => "quiet",
            Machine::Busy => "busy",
            Machine::Together => "one processor",
        }
    }
}

/// One cell of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) machine: Machine,
    pub(crate) protocol: &'static str,
    pub(crate) clients: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        serving::serve(&arguments[1..]);
        return;
    }
    let numbers: Vec<usize> = arguments.iter().filter_map(|a| a.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(7);
    let transactions = numbers.get(1).copied().unwrap_or(20_000);
    let named: Vec<Side> = arguments.iter().filter_map(|a| Side::named(a)).collect();
    let sides = if named.is_empty() {
        Side::ALL.to_vec()
    } else {
        named
    };
    let machines = if arguments.iter().any(|argument| argument == "together") {
        // What is started from here on inherits it.
        let processor = affinity::allowed_processors().pop().expect("a processor");
        assert!(
            affinity::pin_to(processor, &[]),
            "pinning is not possible here"
        );
        vec![Machine::Together]
    } else {
        vec![Machine::Quiet, Machine::Busy]
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let place = runtime.block_on(Place::prepare(scratch.path()));
    let proxies: Vec<(Side, Proxy)> = sides
        .iter()
        .filter_map(|side| Some((*side, Proxy::start(*side, &place)?)))
        .collect();
    println!(
        "PostgreSQL {}, {}, {rounds} rounds of {transactions} transactions a run, {} processors\n",
        place.server.binaries().version,
        rivals::pgbouncer_version(),
        std::thread::available_parallelism().map_or(0, std::num::NonZero::get)
    );
    let mut cells = Vec::new();
    for machine in machines {
        for protocol in ["simple", "prepared"] {
            for clients in [1, 8, 64] {
                cells.push(Cell {
                    machine,
                    protocol,
                    clients,
                });
            }
        }
    }
    let mut outcomes: Vec<Vec<Vec<Run>>> = vec![Vec::new(); cells.len()];
    for round in 0..rounds {
        for (cell, rounds_of_cell) in cells.iter().zip(&mut outcomes) {
            let hog = (cell.machine == Machine::Busy).then(Hog::start);
            let mut runs = vec![Run::default(); proxies.len()];
            for turn in 0..proxies.len() {
                let index = (round + turn) % proxies.len();
                runs[index] = rivals::pgbench(&place, &proxies[index].1, *cell, transactions);
            }
            drop(hog);
            rounds_of_cell.push(runs);
        }
        eprintln!("round {} of {rounds}", round + 1);
    }
    let sides: Vec<Side> = proxies.iter().map(|(side, _)| *side).collect();
    table::print(&sides, &cells, &outcomes);
}
