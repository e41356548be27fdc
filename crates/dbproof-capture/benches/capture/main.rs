//! What the tee costs: `pgbench -S` through it, beside the other ways to build one, `PgBouncer` in
//! session mode, and no one between at all, side by side in one run.
//!
//! Every cell (load, protocol, clients) runs all sides one after the other, and each round begins
//! with another of them; figures are medians over the rounds, and so are the ratios, which are formed
//! within a round. The proxies are processes of their own, whose processor time the system tells.
//! Arguments: the number of rounds (default 7) and of transactions a run (default 20000), `free` or `together`
//! for one of the placements, and names of sides where not all are wanted. Not part of the tests: `make bench-capture`.

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
    /// The tee of this crate, reading the headers of messages alone.
    EventLoop,
    /// The tee with all that is captured: statements, values and rows, handed on to another thread.
    Capture,
    /// One runtime of one thread, a task a connection.
    Tokio,
    /// Two blocking threads a connection.
    Threads,
}

impl Side {
    const ALL: [Side; 6] = [
        Side::Direct,
        Side::PgBouncer,
        Side::EventLoop,
        Side::Capture,
        Side::Tokio,
        Side::Threads,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Side::Direct => "direct",
            Side::PgBouncer => "pgbouncer",
            Side::EventLoop => "event-loop",
            Side::Capture => "capture",
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

/// What was measured of the cells, in their order: a run of every side in every round.
type Outcomes = Vec<(Cell, Vec<Vec<Run>>)>;

/// What is to be measured.
struct Plan {
    rounds: usize,
    transactions: usize,
    sides: Vec<Side>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "serve") {
        serving::serve(&arguments[1..]);
        return;
    }
    let plan = Plan::read(&arguments);
    let asked = |word: &str| arguments.iter().any(|argument| argument == word);
    println!(
        "{}, {} rounds of {} transactions a run\n",
        rivals::pgbouncer_version(),
        plan.rounds,
        plan.transactions
    );
    let mut outcomes = Vec::new();
    if !asked("together") {
        outcomes.append(&mut plan.measure(&[Machine::Quiet, Machine::Busy]));
    }
    if !asked("free") {
        // Last, because a thread that was pinned stays so, and what it starts inherits it.
        let processor = affinity::allowed_processors().pop();
        if processor.is_some_and(|processor| affinity::pin_to(processor, &[])) {
            outcomes.append(&mut plan.measure(&[Machine::Together]));
        } else {
            println!("One processor: not measured, because pinning is not possible here.\n");
        }
    }
    table::print(&plan.sides, &outcomes);
}

impl Plan {
    fn read(arguments: &[String]) -> Plan {
        let mut numbers = arguments.iter().filter_map(|a| a.parse().ok());
        let named: Vec<Side> = arguments.iter().filter_map(|a| Side::named(a)).collect();
        let mut sides = if named.is_empty() {
            Side::ALL.to_vec()
        } else {
            named
        };
        sides.retain(|side| *side != Side::PgBouncer || rivals::has_pgbouncer());
        Plan {
            rounds: numbers.next().unwrap_or(7),
            transactions: numbers.next().unwrap_or(20_000),
            sides,
        }
    }

    fn measure(&self, machines: &[Machine]) -> Outcomes {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let place = runtime.block_on(Place::prepare(scratch.path()));
        let sides = self.sides.iter();
        let proxies: Vec<Proxy> = sides.map(|side| Proxy::start(*side, &place)).collect();
        let mut outcomes = cells(machines);
        for round in 0..self.rounds {
            for (cell, rounds_of_cell) in &mut outcomes {
                let hog = (cell.machine == Machine::Busy).then(Hog::start);
                let mut runs = vec![Run::default(); proxies.len()];
                for turn in 0..proxies.len() {
                    let index = (round + turn) % proxies.len();
                    runs[index] =
                        rivals::pgbench(&place, &proxies[index], *cell, self.transactions);
                }
                drop(hog);
                rounds_of_cell.push(runs);
            }
            eprintln!("round {} of {}", round + 1, self.rounds);
        }
        outcomes
    }
}

fn cells(machines: &[Machine]) -> Outcomes {
    let mut cells = Vec::new();
    for machine in machines {
        for protocol in ["simple", "prepared"] {
            for clients in [1, 8, 64] {
                let cell = Cell {
                    machine: *machine,
                    protocol,
                    clients,
                };
                cells.push((cell, Vec::new()));
            }
        }
    }
    cells
}
