//! The databases of one run: [`Databases`].

use tokio_postgres::error::SqlState;

use crate::{Address, PostgresError, Session, connect};

/// Creates, clones and removes the databases of one run, all named `dbproof_<run>_…`.
#[derive(Debug, Clone)]
pub struct Databases {
    address: Address,
    prefix: String,
}

impl Databases {
    /// The databases of the run `run` on the server at `address`.
    #[must_use]
    pub fn new(address: &Address, run: &str) -> Self {
        Databases {
            address: address.clone(),
            prefix: prefix(run),
        }
    }

    /// The database of this run that has or would have this name after the prefix.
    #[must_use]
    pub fn address(&self, name: &str) -> Address {
        self.address
            .with_database(&format!("{}{name}", self.prefix))
    }

    /// Creates an empty database. `name` is what comes after the prefix.
    pub async fn create(&self, name: &str) -> Result<Address, PostgresError> {
        self.create_from("template0", name).await
    }

    /// Creates a database as `CREATE DATABASE` does without a template: with what the server's `template1`
    /// holds. While somebody is connected to that (55006), it is an empty one.
    pub async fn create_default(&self, name: &str) -> Result<Address, PostgresError> {
        match self.create_from("template1", name).await {
            Err(PostgresError::Server(error))
                if error.sqlstate == SqlState::OBJECT_IN_USE.code() =>
            {
                self.create(name).await
            }
            created => created,
        }
    }

    /// Creates a copy of another database, of this run or not, with the settings that `ALTER DATABASE` and
    /// `ALTER ROLE … IN DATABASE` gave to it. Nobody may be connected to the source.
    pub async fn clone(&self, source: &Address, name: &str) -> Result<Address, PostgresError> {
        let copy = self.create_from(source.database(), name).await?;
        let session = connect(&self.address).await?;
        // CREATE DATABASE copies what is in the template, and its settings are beside it.
        let settings = session
            .texts(&format!(
                "SELECT 'ALTER ' || CASE WHEN s.setrole = 0 THEN 'DATABASE ' || {copy} \
                     ELSE 'ROLE ' || quote_ident(r.rolname) || ' IN DATABASE ' || {copy} END \
                     || ' SET ' || quote_ident(split_part(c.setting, '=', 1)) || ' = ' \
                     || CASE WHEN upper(split_part(c.setting, '=', 1)) IN ('SEARCH_PATH') \
                        THEN substring(c.setting FROM '=(.*)') \
                        ELSE quote_literal(substring(c.setting FROM '=(.*)')) END \
                 FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase \
                 LEFT JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) AS c (setting) \
                 WHERE d.datname = {source}",
                copy = literal(&quote(copy.database())),
                source = literal(source.database()),
            ))
            .await?;
        for setting in settings {
            session.run(&setting).await?;
        }
        session.close().await;
        Ok(copy)
    }

    async fn create_from(&self, template: &str, name: &str) -> Result<Address, PostgresError> {
        let database = format!("{}{name}", self.prefix);
        let session = connect(&self.address).await?;
        let sql = format!(
            "CREATE DATABASE {} TEMPLATE {}",
            quote(&database),
            quote(template)
        );
        session.batch_execute(&sql).await.map_err(|error| {
            if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
                return PostgresError::MayNotCreateDatabases {
                    user: self.address.user().to_owned(),
                    server: self.address.to_string(),
                };
            }
            session.error(&error)
        })?;
        session.close().await;
        Ok(self.address.with_database(&database))
    }

    /// Gives a database of this run the name that it is to keep, so that it outlives the run. That
    /// is one step of the server's: the database is either the run's, or there under its name.
    /// Nobody may be connected to it.
    pub async fn keep(&self, address: &Address, name: &str) -> Result<Address, PostgresError> {
        assert!(
            address.database().starts_with(&self.prefix) && !name.starts_with(&self.prefix),
            "only databases of our own are named, and not as ones that are removed"
        );
        let session = connect(&self.address).await?;
        session
            .run(&format!(
                "ALTER DATABASE {} RENAME TO {}",
                quote(address.database()),
                quote(name)
            ))
            .await?;
        session.close().await;
        Ok(self.address.with_database(name))
    }

    /// Whether the server has a database of this name, whoever it belongs to.
    pub async fn exists(&self, name: &str) -> Result<bool, PostgresError> {
        let session = connect(&self.address).await?;
        let row = session
            .query_one(
                "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1::text::name)",
                &[&name],
            )
            .await
            .map_err(|e| session.error(&e))?;
        session.close().await;
        Ok(row.get(0))
    }

    /// Removes one database of this run, whoever is connected to it.
    pub async fn drop(&self, address: &Address) -> Result<(), PostgresError> {
        assert!(
            address.database().starts_with(&self.prefix),
            "only databases of our own"
        );
        let session = connect(&self.address).await?;
        drop_database(&session, address.database()).await?;
        session.close().await;
        Ok(())
    }
}

/// What the names of all databases of a run begin with.
pub(crate) fn prefix(run: &str) -> String {
    format!("dbproof_{run}_")
}

/// Removes a database together with the sessions on it.
pub(crate) async fn drop_database(session: &Session, name: &str) -> Result<(), PostgresError> {
    session
        .run(&format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            quote(name)
        ))
        .await
}

fn literal(text: &str) -> String {
    postgres_protocol::escape::escape_literal(text)
}

fn quote(identifier: &str) -> String {
    postgres_protocol::escape::escape_identifier(identifier)
}
