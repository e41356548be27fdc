//! `{ bytes = 16 }`: so many random bytes, in the hexadecimal form that `bytea` reads.

use std::fmt::Write as _;
use std::sync::Arc;

use rand::RngExt;

use super::{Cell, Generator, Kind, Recipe, Scope};
use crate::error::Problem;
use crate::reader::Node;
use crate::skew::{Expectation, Order};
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind {
    name: "bytes",
    read,
};

#[derive(Debug, Clone)]
struct Bytes {
    length: u64,
    unique: bool,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    match node.count(0)? {
        length @ 0..=10_000_000 => Ok(Arc::new(Bytes {
            length,
            unique: false,
        })),
        _ => Err(node.error("`bytes` must be at most 10,000,000")),
    }
}

impl Recipe for Bytes {
    fn can_be_unique(&self) -> bool {
        true
    }

    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        if scope.unique && self.length < 8 {
            return Err("unique `bytes` need at least 8 of them".into());
        }
        Ok(Box::new(Bytes {
            unique: scope.unique,
            ..self.clone()
        }))
    }
}

impl Generator for Bytes {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let mut text = String::from("\\x");
        let mut left = self.length;
        let mut put = |bytes: [u8; 8], left: &mut u64| {
            for byte in bytes {
                if *left > 0 {
                    write!(text, "{byte:02x}").expect("a String takes everything");
                    *left -= 1;
                }
            }
        };
        if self.unique {
            put(cell.row.to_be_bytes(), &mut left);
        }
        while left > 0 {
            put(cell.random.random::<u64>().to_be_bytes(), &mut left);
        }
        Value::Text(text)
    }

    fn expectation(&self, _rows: u64) -> Expectation {
        if self.unique {
            Expectation::unique(Order::Rising)
        } else {
            Expectation::unknown("the bytes are random")
        }
    }
}
