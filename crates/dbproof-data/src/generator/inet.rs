//! `{ inet = "10.0.0.0/8" }`: IPv4 addresses of a network. With `unique`, a seeded shuffle of it.

use std::net::Ipv4Addr;
use std::sync::Arc;

use rand::RngExt;

use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::permutation::Permutation;
use crate::reader::Node;
use crate::skew::{Expectation, Frequencies, Order};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind { name: "inet", read };

#[derive(Debug, Clone)]
struct Network {
    first: u32,
    addresses: u64,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let network = node.text()?.split_once('/').and_then(|(address, bits)| {
        let address: Ipv4Addr = address.parse().ok()?;
        let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
        let addresses = 1_u64 << (32 - bits);
        let mask = u32::try_from(addresses - 1).ok()?;
        Some(Network {
            first: u32::from(address) & !mask,
            addresses,
        })
    });
    match network {
        Some(network) => Ok(Arc::new(network)),
        None => Err(node.error("`inet` must be an IPv4 network such as \"10.0.0.0/8\"")),
    }
}

impl Recipe for Network {
    fn can_be_unique(&self) -> bool {
        true
    }

    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        if !scope.unique {
            return Ok(Box::new(Hosts {
                network: self.clone(),
                shuffle: None,
            }));
        }
        if self.addresses < scope.table.rows {
            return Err(Problem::new(format!(
                "{} rows cannot have unique addresses out of {}",
                scope.table.rows, self.addresses
            )));
        }
        Ok(Box::new(Hosts {
            network: self.clone(),
            shuffle: Some(Permutation::new(self.addresses, scope.seed)),
        }))
    }
}

#[derive(Debug)]
struct Hosts {
    network: Network,
    shuffle: Option<Permutation>,
}

impl Generator for Hosts {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let host = match &self.shuffle {
            Some(shuffle) => shuffle.apply(cell.row),
            None => cell.random.random_range(0..self.network.addresses),
        };
        let address = u64::from(self.network.first) + host;
        let address = Ipv4Addr::from(u32::try_from(address).unwrap_or(u32::MAX));
        Value::Text(address.to_string())
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        match self.shuffle {
            Some(_) => Expectation::unique(Order::Random),
            None => Expectation::drawn(Frequencies::Even(self.network.addresses), Vec::new()),
        }
    }
}
