//! How many children each parent has: [`FanOut`].
//!
//! There are two families. `{ zipf = s }` shares a given number of rows among the parents, row by
//! row, so that children of one parent lie scattered over the table, as orders of a user do.
//! `{ constant = n }`, `{ uniform = [low, high] }` and `{ poisson = mean }` draw a number of
//! children for each parent; the table then has their sum, and the children of a parent lie side
//! by side, as items of an order do.

use std::collections::BTreeMap;

use rand::RngExt;
use rand_distr::{Distribution, Poisson};

use super::Parent;
use crate::SpecificationError;
use crate::distribution::Zipf;
use crate::error::Problem;
use crate::permutation::Permutation;
use crate::random::{CellRandom, derive};
use crate::reader::Node;
use crate::skew::{Frequencies, Values};

/// How children are dealt out to parents.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FanOut {
    /// Every parent is as likely as any other.
    Even,
    /// The parent of rank k is k^−s times as likely as the first; ranks are shuffled.
    Zipf(f64),
    /// Every parent has a number of children of its own.
    Counted(Count),
}

/// How the number of a parent's children is drawn.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Count {
    Uniform(u64, u64),
    Poisson(Poisson<f64>),
}

impl FanOut {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, SpecificationError> {
        let entries = node.entries()?;
        let [entry] = entries.as_slice() else {
            return Err(node.error("`fan_out` needs one distribution, such as `{ zipf = 0.6 }`"));
        };
        match entry.name() {
            "zipf" => {
                let exponent = entry.not_negative()?;
                Ok(FanOut::Zipf(exponent))
            }
            "constant" => {
                let count = entry.count(0)?;
                Ok(FanOut::Counted(Count::Uniform(count, count)))
            }
            "uniform" => match entry.array()?.as_slice() {
                [low, high] => {
                    let low = low.count(0)?;
                    Ok(FanOut::Counted(Count::Uniform(low, high.count(low)?)))
                }
                _ => Err(entry.error("`uniform` must be `[low, high]`")),
            },
            "poisson" => {
                let mean = Poisson::new(entry.positive()?);
                let poisson = mean.map_err(|e| entry.error(e.to_string()))?;
                Ok(FanOut::Counted(Count::Poisson(poisson)))
            }
            name => Err(entry.error(Problem::unknown(
                "fan-out",
                name,
                ["zipf", "constant", "uniform", "poisson"],
            ))),
        }
    }

    pub(super) fn decides_rows(&self) -> bool {
        matches!(self, FanOut::Counted(_))
    }

    /// The choice among this many parents.
    pub(super) fn parents(&self, parents: u64, column_seed: u64) -> Parents {
        let seed = derive(column_seed, "fan_out");
        match self {
            FanOut::Even => Parents::Even(parents),
            // Impossible only for no parents at all, which leaves nothing to choose.
            FanOut::Zipf(exponent) => match Zipf::new(parents, *exponent) {
                Ok(distribution) => Parents::Ranked(distribution, Permutation::new(parents, seed)),
                Err(_) => Parents::Even(parents),
            },
            FanOut::Counted(count) => Parents::Counted(Counted::new(count, parents, seed)),
        }
    }
}

/// A choice among parents that are numbered from 0.
#[derive(Debug)]
pub(super) enum Parents {
    Even(u64),
    Ranked(Zipf, Permutation),
    /// Every parent has its number of children, side by side.
    Counted(Counted),
}

/// Parents with a number of children each.
#[derive(Debug)]
pub(super) struct Counted {
    count: Count,
    parents: u64,
    seed: u64,
    /// For every [`STRIDE`] parents, the row behind the last child of the last of them; what is
    /// between is drawn again when it is asked for, so that a parent costs half a byte.
    ends: Vec<u64>,
}

/// How many parents share an entry.
const STRIDE: u64 = 16;

impl Counted {
    fn new(count: &Count, parents: u64, seed: u64) -> Self {
        let mut counted = Counted {
            count: count.clone(),
            parents,
            seed,
            ends: Vec::with_capacity(usize::try_from(parents.div_ceil(STRIDE)).unwrap_or(0)),
        };
        let mut end = 0;
        for parent in 0..parents {
            end += counted.children_of(parent);
            if parent % STRIDE == STRIDE - 1 || parent == parents - 1 {
                counted.ends.push(end);
            }
        }
        counted
    }

    fn children_of(&self, parent: u64) -> u64 {
        self.count.draw(&mut CellRandom::new(self.seed, parent))
    }

    fn children(&self) -> u64 {
        self.ends.last().copied().unwrap_or(0)
    }

    /// The parent of this row, and how many of its children come before.
    pub(super) fn locate(&self, row: u64) -> (u64, u64) {
        let group = self.ends.partition_point(|end| *end <= row);
        let mut begin = match group {
            0 => 0,
            _ => self.ends[group - 1],
        };
        let first = group as u64 * STRIDE;
        for parent in first..self.parents {
            let end = begin + self.children_of(parent);
            if row < end {
                return (parent, row - begin);
            }
            begin = end;
        }
        (self.parents.saturating_sub(1), 0)
    }

    /// How many parents there are for each number of children.
    pub(super) fn counts(&self) -> BTreeMap<u64, u64> {
        let mut counts = BTreeMap::new();
        for parent in 0..self.parents {
            *counts.entry(self.children_of(parent)).or_default() += 1;
        }
        counts
    }
}

impl Parents {
    /// How many children there are, where that is decided here.
    pub(super) fn children(&self) -> u64 {
        match self {
            Parents::Counted(counted) => counted.children(),
            Parents::Even(_) | Parents::Ranked(..) => 0,
        }
    }

    /// How often each parent is chosen, and the heaviest ones, the first one first.
    pub(super) fn expected(&self, heaviest: u64) -> (Values, Vec<(u64, f64)>) {
        match self {
            Parents::Even(parents) => (Values::Drawn(Frequencies::Even(*parents)), Vec::new()),
            Parents::Ranked(distribution, shuffle) => {
                let frequencies = distribution.frequencies();
                let ranks = (0..).zip(frequencies.first(heaviest));
                let heaviest = ranks
                    .map(|(rank, share)| (shuffle.apply(rank), share))
                    .collect();
                (Values::Drawn(frequencies), heaviest)
            }
            Parents::Counted(counted) => {
                let values = Values::Counted {
                    counts: counted.counts(),
                    children: counted.children(),
                };
                (values, Vec::new())
            }
        }
    }

    /// The parent of this row, and the row's place among its children.
    pub(super) fn locate(&self, row: u64, random: &mut CellRandom) -> Parent {
        match self {
            Parents::Counted(counted) => {
                let (parent, position) = counted.locate(row);
                Parent {
                    row: parent,
                    position: Some(position),
                }
            }
            Parents::Even(_) | Parents::Ranked(..) => Parent {
                row: self.choose(row, random),
                position: None,
            },
        }
    }

    /// The most children that a parent has, where they lie side by side.
    pub(super) fn most_children(&self) -> Option<u64> {
        match self {
            Parents::Counted(counted) => counted.counts().keys().next_back().copied(),
            Parents::Even(_) | Parents::Ranked(..) => None,
        }
    }

    /// The parent of this row.
    pub(super) fn choose(&self, row: u64, random: &mut CellRandom) -> u64 {
        match self {
            Parents::Even(parents) => random.random_range(0..*parents),
            Parents::Ranked(distribution, shuffle) => {
                shuffle.apply(distribution.sample(random) - 1)
            }
            Parents::Counted(counted) => counted.locate(row).0,
        }
    }
}

impl Count {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a Poisson draw is a whole number of at least 0"
    )]
    fn draw(&self, random: &mut CellRandom) -> u64 {
        match self {
            Count::Uniform(low, high) => random.random_range(*low..=*high),
            Count::Poisson(distribution) => distribution.sample(random) as u64,
        }
    }
}
