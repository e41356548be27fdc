//! Parents before children: [`load_order`].

use crate::error::Problem;
use crate::{SpecificationError, TableSpecification};

/// The tables in an order in which every table stands after those that it references; otherwise in
/// the order given. A table may reference itself.
///
/// An error names the line of a reference to a table that is not among them, of a reference that
/// closes a cycle, or of a table that is specified twice.
pub fn load_order(
    tables: &[TableSpecification],
) -> Result<Vec<&TableSpecification>, SpecificationError> {
    for (index, table) in tables.iter().enumerate() {
        if let Some(first) = tables[..index]
            .iter()
            .find(|first| first.name == table.name)
        {
            return Err(table.place.error(format!(
                "table `{}` is specified twice, first in {}:{}",
                table.name, first.place.file, first.place.line
            )));
        }
    }
    let mut walk = Walk {
        tables,
        path: Vec::new(),
        ordered: Vec::new(),
    };
    for table in tables {
        walk.visit(table)?;
    }
    Ok(walk.ordered)
}

struct Walk<'t> {
    tables: &'t [TableSpecification],
    /// The tables from the first one visited down to the present one.
    path: Vec<&'t str>,
    ordered: Vec<&'t TableSpecification>,
}

impl<'t> Walk<'t> {
    fn visit(&mut self, table: &'t TableSpecification) -> Result<(), SpecificationError> {
        if self
            .ordered
            .iter()
            .any(|ordered| ordered.name == table.name)
        {
            return Ok(());
        }
        self.path.push(&table.name);
        for (parent, place) in table.references() {
            if parent == table.name {
                continue;
            }
            if let Some(start) = self.path.iter().position(|name| *name == parent) {
                let cycle = format!("{} -> {parent}", self.path[start..].join(" -> "));
                return Err(place.error(
                    Problem::new(format!("tables reference each other in a cycle: {cycle}"))
                        .with_help("fill one of these columns with `constant` or `uniform` values"),
                ));
            }
            let Some(found) = self.tables.iter().find(|known| known.name == parent) else {
                let known = self.tables.iter().map(|known| known.name.as_str());
                return Err(place.error(Problem::unknown("table", parent, known)));
            };
            self.visit(found)?;
        }
        self.path.pop();
        self.ordered.push(table);
        Ok(())
    }
}
