//! `{ case = { of = "status", when = { shipped = { … } }, otherwise = { … } } }`: a generator for
//! each value of another column of the row.
//!
//! Values are compared as they are written; without `otherwise` the rest is NULL.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Cell, Generator, Kind, Recipe, Scope, read_nested};
use crate::error::Problem;
use crate::reader::Node;
use crate::{SpecificationError, Value};

pub(super) const KIND: Kind = Kind { name: "case", read };

#[derive(Debug)]
struct Case {
    of: String,
    when: BTreeMap<String, Arc<dyn Recipe>>,
    otherwise: Option<Arc<dyn Recipe>>,
}

fn read(node: &Node<'_>) -> Result<Arc<dyn Recipe>, SpecificationError> {
    let fields = node.fields(&["of", "when", "otherwise"])?;
    let of = fields.required("of")?.text()?.to_owned();
    let mut when = BTreeMap::new();
    for branch in fields.required("when")?.entries()? {
        when.insert(branch.name().to_owned(), read_nested(&branch)?);
    }
    let otherwise = fields
        .optional("otherwise")
        .map(|node| read_nested(&node))
        .transpose()?;
    Ok(Arc::new(Case {
        of,
        when,
        otherwise,
    }))
}

impl Case {
    fn branches(&self) -> impl Iterator<Item = &Arc<dyn Recipe>> {
        self.when.values().chain(&self.otherwise)
    }
}

impl Recipe for Case {
    fn reads(&self) -> Vec<&str> {
        let inner = self.branches().flat_map(|recipe| recipe.reads());
        std::iter::once(self.of.as_str()).chain(inner).collect()
    }

    fn prepare(&self, scope: &Scope<'_>) -> Result<Box<dyn Generator>, Problem> {
        let prepare = |(value, recipe): (&String, &Arc<dyn Recipe>)| {
            Ok((value.clone(), recipe.prepare(scope)?))
        };
        Ok(Box::new(Branches {
            of: scope.above(&self.of)?,
            when: self
                .when
                .iter()
                .map(prepare)
                .collect::<Result<_, Problem>>()?,
            otherwise: self
                .otherwise
                .as_ref()
                .map(|recipe| recipe.prepare(scope))
                .transpose()?,
        }))
    }
}

#[derive(Debug)]
struct Branches {
    of: usize,
    when: BTreeMap<String, Box<dyn Generator>>,
    otherwise: Option<Box<dyn Generator>>,
}

impl Generator for Branches {
    fn value(&self, cell: &mut Cell<'_>) -> Value {
        let branch = match &cell.above[self.of] {
            Value::Null => None,
            Value::Text(text) => self.when.get(text),
            other => self.when.get(&other.to_string()),
        };
        match branch.or(self.otherwise.as_ref()) {
            Some(generator) => generator.value(cell),
            None => Value::Null,
        }
    }
}
