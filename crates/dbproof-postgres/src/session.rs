//! An ordinary session for everything that is not measured: [`Session`].

use std::future::poll_fn;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Client, NoTls, Socket};

use crate::error::chain;
use crate::tls::MakeConnector;
use crate::{Address, PostgresError, ServerError};

/// An open session. It derefs to tokio-postgres's client; dropping it closes the connection.
#[derive(Debug)]
pub struct Session {
    client: Client,
    connection: JoinHandle<()>,
    notices: Arc<AtomicU64>,
    server: String,
}

/// A client, the task that serves it, and the notices that it has received.
type Open = (Client, JoinHandle<()>, Arc<AtomicU64>);

/// Opens a session.
pub async fn connect(address: &Address) -> Result<Session, PostgresError> {
    let server = address.to_string();
    let (client, connection, notices) = attempt(address).await.map_err(|error| {
        // The server's own words, such as a wrong password or an unknown database.
        let reason = match error.as_db_error() {
            Some(db) => ServerError::from_db(db).to_string(),
            None => chain(&error),
        };
        let server = server.clone();
        match error.code() {
            Some(&SqlState::TOO_MANY_CONNECTIONS | &SqlState::CANNOT_CONNECT_NOW) => {
                PostgresError::NoPlace { server, reason }
            }
            _ => PostgresError::Unreachable { server, reason },
        }
    })?;
    Ok(Session {
        client,
        connection,
        notices,
        server,
    })
}

/// Connects with TLS as the address asks for it. Where it is only preferred, a failed handshake or
/// a server that admits nobody with TLS leads to a second attempt without, as in libpq.
async fn attempt(address: &Address) -> Result<Open, tokio_postgres::Error> {
    let Some(tls) = address.tls() else {
        return open(address, NoTls).await;
    };
    let maker = MakeConnector::new(tls.config.clone());
    let outcome = open(address, maker.clone()).await;
    match (outcome, address.without_tls()) {
        (Err(error), Some(plain))
            if maker.has_failed()
                || error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) =>
        {
            open(&plain, NoTls).await
        }
        (outcome, _) => outcome,
    }
}

async fn open<T>(address: &Address, tls: T) -> Result<Open, tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, mut connection) = address.config().connect(tls).await?;
    let notices = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&notices);
    let connection = tokio::spawn(async move {
        // An error here reaches the client as a closed connection.
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if matches!(message, AsyncMessage::Notice(_)) {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    Ok((client, connection, notices))
}

impl Session {
    /// The server as it is named in messages.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    /// How many notices and warnings the server has sent so far.
    #[must_use]
    pub fn notices(&self) -> u64 {
        self.notices.load(Ordering::Relaxed)
    }

    /// Turns tokio-postgres's error into ours.
    #[must_use]
    pub fn error(&self, error: &tokio_postgres::Error) -> PostgresError {
        PostgresError::from_client(&self.server, error)
    }

    /// Runs one or more statements without parameters.
    pub async fn run(&self, sql: &str) -> Result<(), PostgresError> {
        self.client
            .batch_execute(sql)
            .await
            .map_err(|e| self.error(&e))
    }

    /// The text of the first column of every row; NULL is left out.
    pub async fn texts(&self, sql: &str) -> Result<Vec<String>, PostgresError> {
        let rows = self
            .client
            .simple_query(sql)
            .await
            .map_err(|e| self.error(&e))?;
        Ok(rows
            .iter()
            .filter_map(|message| match message {
                tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            })
            .collect())
    }

    /// The text of the first column of the first row.
    pub async fn text(&self, sql: &str) -> Result<Option<String>, PostgresError> {
        Ok(self.texts(sql).await?.into_iter().next())
    }

    /// The process id of the backend that serves this session.
    pub async fn backend_pid(&self) -> Result<i32, PostgresError> {
        let row = self
            .client
            .query_one("SELECT pg_backend_pid()", &[])
            .await
            .map_err(|e| self.error(&e))?;
        Ok(row.get(0))
    }

    /// Cuts the connection at once, whatever is under way on it and without a word to the server.
    /// Dropping a session closes it only once the statement that it is at has its answer.
    pub fn cut(&self) {
        self.connection.abort();
    }

    /// Closes the connection and waits until that is done on our side.
    pub async fn close(self) {
        let Session {
            client, connection, ..
        } = self;
        drop(client);
        connection.await.ok();
    }
}

impl Deref for Session {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}
