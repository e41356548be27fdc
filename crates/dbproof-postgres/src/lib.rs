//! All talk with PostgreSQL.
//!
//! * [`EphemeralServer`]: a throw-away server from the machine's own binaries, which never
//!   outlives dbproof.
//! * [`Address`]: how to reach a server; [`connect`] opens an ordinary session on it.
//! * [`MeasuringConnection`]: the blocking connection that timings are taken on.
//! * [`Databases`]: creation, cloning and removal of the databases of one run, and
//!   [`Janitor`], the process that removes them even after `kill -9` of dbproof.
//! * [`explain`], [`migration`], [`catalog`], [`column_values`], [`copy`], [`locks`], [`rows`],
//!   [`statistics`], [`statement_statistics`], [`store`], [`shape`], [`proof`], [`sent`], [`footprint`]: one
//!   subject a module.
//!
//! **Architecture invariant:** no other room but `dbproof-capture` opens a socket to a database.

mod address;
pub mod affinity;
mod binaries;
mod binary;
pub mod catalog;
pub mod column_values;
pub mod copy;
mod databases;
mod ephemeral;
mod error;
pub mod explain;
pub mod footprint;
mod janitor;
pub mod locks;
mod measuring;
pub mod migration;
pub mod proof;
mod rewritten;
pub mod rows;
pub mod sent;
mod session;
pub mod shape;
pub mod statement_statistics;
pub mod statistics;
pub mod store;
mod tls;
mod unprivileged;

pub use address::{Address, Endpoint};
pub use binaries::{Binaries, Version};
pub use databases::Databases;
pub use ephemeral::EphemeralServer;
pub use error::{PostgresError, ServerError};
pub use janitor::{Janitor, janitor_main};
pub use measuring::{MeasuringConnection, PreparedStatement, Request};
pub use session::{Session, connect};
pub use tls::{Tls, TlsMode, trusted_certificates};
