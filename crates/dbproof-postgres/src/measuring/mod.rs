//! The connection that timings are taken on: [`MeasuringConnection`].
//!
//! Blocking, one write and one read loop a round trip, requests encoded ahead, nothing allocated
//! between the write and the last byte of the answer. An asynchronous client adds a wake-up of
//! its own to every round trip, which is as long as a whole primary-key lookup.

mod answer;
mod parameter;
mod startup;
mod stream;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::message::{backend, frontend};

use crate::{Address, PostgresError, ServerError};
use answer::AnswerScanner;
use parameter::{Encoded, ParameterType};
use stream::Stream;

/// A blocking connection for measuring.
#[derive(Debug)]
pub struct MeasuringConnection {
    stream: Stream,
    server: String,
    buffer: Vec<u8>,
    statements: u32,
    process_id: u32,
    watches: bool,
}

/// A statement prepared on one connection.
#[derive(Debug, Clone)]
pub struct PreparedStatement {
    name: String,
    parameters: Vec<ParameterType>,
    /// Whether every column of the result has a binary form.
    binary_result: bool,
}

/// One execution of a prepared statement, encoded ahead: Bind, Execute, Sync.
///
/// It names its statement by the order in which statements were prepared, so that it fits every
/// connection on which the same ones were prepared in the same order.
#[derive(Debug, Clone)]
pub struct Request {
    bytes: Box<[u8]>,
    in_binary: u16,
}

impl Request {
    /// How many parameters are sent in binary form or are NULL; the others are sent as text.
    #[must_use]
    pub fn binary_parameters(&self) -> usize {
        usize::from(self.in_binary)
    }
}

impl MeasuringConnection {
    /// Connects and authenticates.
    pub fn open(address: &Address) -> Result<Self, PostgresError> {
        match (Self::attempt(address), address.without_tls()) {
            (Err(PostgresError::Server(error)), Some(plain)) if error.sqlstate == "28000" => {
                Self::attempt(&plain)
            }
            (outcome, _) => outcome,
        }
        .map_err(|error| match error {
            PostgresError::Server(error) => PostgresError::Unreachable {
                server: address.to_string(),
                reason: error.to_string(),
            },
            error => error,
        })
    }

    fn attempt(address: &Address) -> Result<Self, PostgresError> {
        let server = address.to_string();
        let mut stream = Stream::connect(address)?;
        let process_id = startup::authenticate(&mut stream, address, &server)?;
        Ok(MeasuringConnection {
            stream,
            server,
            buffer: vec![0; 64 * 1024],
            statements: 0,
            process_id,
            watches: false,
        })
    }

    /// From now on looks for an answer for a moment before it sleeps until it comes: to be woken up
    /// takes as long as a whole primary-key lookup, and is the client machine's doing. Only for as
    /// many connections as there are processors to spare, since looking keeps one busy.
    pub fn watch(&mut self) {
        self.watches = true;
    }

    /// The process id of the backend, as the server tells it.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process_id
    }

    /// Runs one or more statements without parameters and discards their rows.
    pub fn run(&mut self, sql: &str) -> Result<(), PostgresError> {
        let mut message = BytesMut::new();
        frontend::query(sql, &mut message).map_err(|e| self.unsendable(&e))?;
        self.exchange(&message).map(|_| ())
    }

    /// Prepares a statement; the server infers the parameters' types.
    pub fn prepare(&mut self, sql: &str) -> Result<PreparedStatement, PostgresError> {
        self.statements += 1;
        let name = format!("dbproof_{}", self.statements);
        let mut message = BytesMut::new();
        frontend::parse(&name, sql, [], &mut message).map_err(|e| self.unsendable(&e))?;
        frontend::describe(b'S', &name, &mut message).map_err(|e| self.unsendable(&e))?;
        frontend::sync(&mut message);
        self.write(&message)?;
        let mut parameters = Vec::new();
        let mut columns = Vec::new();
        let mut failure = None;
        loop {
            match self.stream.message().map_err(|e| self.lost(&e))? {
                backend::Message::RowDescription(body) => {
                    let oids = body.fields().map(|field| Ok(field.type_oid())).collect();
                    columns = oids.map_err(|e| self.lost(&e))?;
                }
                backend::Message::ParameterDescription(body) => {
                    let oids = body.parameters().collect();
                    parameters = oids.map_err(|e| self.lost(&e))?;
                }
                backend::Message::ErrorResponse(body) => {
                    failure = Some(startup::server_error(&body));
                }
                backend::Message::ReadyForQuery(_) => break,
                _ => {}
            }
        }
        if let Some(error) = failure {
            return Err(error.into());
        }
        let parameters = ParameterType::find_all(self, &parameters)?;
        let binary_result = parameter::all_have_a_binary_form(self, &columns)?;
        Ok(PreparedStatement {
            name,
            parameters,
            binary_result,
        })
    }

    /// Encodes one execution. Values are given in text form; `None` is NULL.
    ///
    /// They are sent in the binary form of their parameter's type. Where there is no encoder for it,
    /// or the text is written in a way that only the server can judge, that parameter is sent as the
    /// text that it is.
    pub fn encode(
        &self,
        statement: &PreparedStatement,
        values: &[Option<String>],
    ) -> Result<Request, PostgresError> {
        if values.len() != statement.parameters.len() {
            return Err(PostgresError::Value(format!(
                "the statement takes {} parameters, and {} were given",
                statement.parameters.len(),
                values.len()
            )));
        }
        let encoded: Vec<Encoded> = statement
            .parameters
            .iter()
            .zip(values)
            .map(|(parameter, value)| parameter.encode(value.as_deref()))
            .collect();
        let mut message = BytesMut::new();
        frontend::bind(
            "",
            &statement.name,
            encoded.iter().map(|value| i16::from(value.is_binary)),
            &encoded,
            |value, buffer| {
                Ok(match &value.bytes {
                    None => postgres_protocol::IsNull::Yes,
                    Some(bytes) => {
                        buffer.extend_from_slice(bytes);
                        postgres_protocol::IsNull::No
                    }
                })
            },
            [i16::from(statement.binary_result)],
            &mut message,
        )
        .map_err(|_| PostgresError::Value("a parameter is too large to be sent".to_owned()))?;
        frontend::execute("", 0, &mut message).map_err(|e| self.unsendable(&e))?;
        frontend::sync(&mut message);
        let in_binary = encoded.iter().filter(|value| value.is_binary).count();
        Ok(Request {
            bytes: message[..].into(),
            // The protocol counts parameters in 16 bits.
            in_binary: u16::try_from(in_binary).unwrap_or(u16::MAX),
        })
    }

    /// Runs a statement without parameters and keeps its rows in text form. Not for measuring.
    fn rows(&mut self, sql: &str) -> Result<Vec<Vec<String>>, PostgresError> {
        let mut message = BytesMut::new();
        frontend::query(sql, &mut message).map_err(|e| self.unsendable(&e))?;
        self.write(&message)?;
        let mut rows = Vec::new();
        let mut failure = None;
        loop {
            match self.stream.message().map_err(|e| self.lost(&e))? {
                backend::Message::DataRow(body) => {
                    let cell = |range: Option<std::ops::Range<usize>>| {
                        let bytes = range.map_or(&[][..], |range| &body.buffer()[range]);
                        Ok(String::from_utf8_lossy(bytes).into_owned())
                    };
                    let row = body.ranges().map(cell).collect();
                    rows.push(row.map_err(|e| self.lost(&e))?);
                }
                backend::Message::ErrorResponse(body) => {
                    failure = Some(startup::server_error(&body));
                }
                backend::Message::ReadyForQuery(_) => break,
                _ => {}
            }
        }
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(rows),
        }
    }

    /// Executes and drains the answer; returns the number of rows that came back.
    ///
    /// After an error of the server the connection stays usable.
    pub fn execute(&mut self, request: &Request) -> Result<u64, PostgresError> {
        self.exchange(&request.bytes)
    }

    fn exchange(&mut self, message: &[u8]) -> Result<u64, PostgresError> {
        self.write(message)?;
        let mut scanner = AnswerScanner::default();
        while !scanner.is_complete() {
            let read = if self.watches {
                self.stream.watch(&mut self.buffer)
            } else {
                self.stream.read(&mut self.buffer)
            };
            let count = match read {
                Ok(0) => {
                    // The server says why before it closes (57P01 on shutdown, for one).
                    let reason = scanner.error_body().map_or_else(
                        || "the server closed it".to_owned(),
                        |body| startup::server_error_of(body).to_string(),
                    );
                    return Err(self.connection_lost(reason));
                }
                Ok(count) => count,
                Err(error) => return Err(self.lost(&error)),
            };
            scanner.scan(&self.buffer[..count]);
        }
        match scanner.error_body() {
            None => Ok(scanner.rows()),
            Some(body) => {
                let error: ServerError = startup::server_error_of(body);
                if error.sqlstate.starts_with("57P") {
                    return Err(self.connection_lost(error.to_string()));
                }
                Err(error.into())
            }
        }
    }

    fn write(&mut self, message: &[u8]) -> Result<(), PostgresError> {
        self.stream.write(message).map_err(|e| self.lost(&e))
    }

    fn lost(&self, error: &std::io::Error) -> PostgresError {
        self.connection_lost(error.to_string())
    }

    fn connection_lost(&self, reason: String) -> PostgresError {
        PostgresError::ConnectionLost {
            server: self.server.clone(),
            reason,
        }
    }

    fn unsendable(&self, error: &std::io::Error) -> PostgresError {
        PostgresError::Value(format!(
            "a statement cannot be sent to {}: {error}",
            self.server
        ))
    }
}

impl Drop for MeasuringConnection {
    fn drop(&mut self) {
        let mut message = BytesMut::new();
        frontend::terminate(&mut message);
        self.stream.write(&message).ok();
    }
}
