//! The start of a session: startup message and authentication
//! (PostgreSQL documentation, "Message Flow: Start-up").

use std::io;

use bytes::BytesMut;
use fallible_iterator::FallibleIterator as _;
use postgres_protocol::authentication;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use postgres_protocol::message::backend::{AuthenticationSaslBody, ErrorResponseBody, Message};
use postgres_protocol::message::frontend;
use tokio_postgres::config;

use super::stream::Stream;
use crate::{Address, PostgresError, ServerError};

/// Brings a fresh connection to its first ReadyForQuery; returns the backend's process id.
///
/// A refusal of the server's is [`PostgresError::Server`]; all else is `Unreachable`.
pub(super) fn authenticate(
    stream: &mut Stream,
    address: &Address,
    server: &str,
) -> Result<u32, PostgresError> {
    let unreachable = |reason: String| PostgresError::Unreachable {
        server: server.to_owned(),
        reason,
    };
    let io_failed = |error: io::Error| unreachable(error.to_string());
    let mut message = BytesMut::new();
    let parameters = [
        ("user", address.user()),
        ("database", address.database()),
        ("application_name", "dbproof"),
        ("client_encoding", "UTF8"),
    ];
    frontend::startup_message(parameters, &mut message).map_err(io_failed)?;
    stream.write(&message).map_err(io_failed)?;
    let binding_required =
        address.config().get_channel_binding() == config::ChannelBinding::Require;
    let mut scram = None;
    let mut process_id = 0;
    let mut bound = false;
    loop {
        message.clear();
        match stream.message().map_err(io_failed)? {
            Message::AuthenticationOk
            | Message::AuthenticationCleartextPassword
            | Message::AuthenticationMd5Password(_)
                if binding_required && !bound =>
            {
                return Err(unreachable(no_binding()));
            }
            Message::AuthenticationCleartextPassword => {
                let password = password(address).map_err(unreachable)?;
                frontend::password_message(password, &mut message).map_err(io_failed)?;
            }
            Message::AuthenticationMd5Password(body) => {
                let password = password(address).map_err(unreachable)?;
                let hash =
                    authentication::md5_hash(address.user().as_bytes(), password, body.salt());
                frontend::password_message(hash.as_bytes(), &mut message).map_err(io_failed)?;
            }
            Message::AuthenticationSasl(body) => {
                let (mechanism, binding) =
                    sasl_choice(&body, stream, address).map_err(unreachable)?;
                let password = password(address).map_err(unreachable)?;
                bound = mechanism == SCRAM_SHA_256_PLUS;
                let exchange = scram.insert(ScramSha256::new(password, binding));
                frontend::sasl_initial_response(mechanism, exchange.message(), &mut message)
                    .map_err(io_failed)?;
            }
            Message::AuthenticationSaslContinue(body) => {
                let exchange = scram.as_mut().ok_or_else(|| unreachable(out_of_turn()))?;
                exchange.update(body.data()).map_err(io_failed)?;
                frontend::sasl_response(exchange.message(), &mut message).map_err(io_failed)?;
            }
            Message::AuthenticationSaslFinal(body) => {
                let exchange = scram.as_mut().ok_or_else(|| unreachable(out_of_turn()))?;
                exchange.finish(body.data()).map_err(io_failed)?;
            }
            Message::ErrorResponse(body) => {
                return Err(server_error(&body).into());
            }
            Message::BackendKeyData(body) => process_id = body.process_id().cast_unsigned(),
            Message::ReadyForQuery(_) => return Ok(process_id),
            Message::AuthenticationOk
            | Message::ParameterStatus(_)
            | Message::NoticeResponse(_) => {}
            _ => {
                return Err(unreachable(
                    "it asks for an unsupported authentication".to_owned(),
                ));
            }
        }
        if !message.is_empty() {
            stream.write(&message).map_err(io_failed)?;
        }
    }
}

fn password(address: &Address) -> Result<&[u8], String> {
    address
        .password()
        .ok_or_else(|| "the server asks for a password and none was given".to_owned())
}

/// The SCRAM mechanism to use, bound to the TLS connection where both sides can.
fn sasl_choice(
    body: &AuthenticationSaslBody,
    stream: &Stream,
    address: &Address,
) -> Result<(&'static str, ChannelBinding), String> {
    let offers = |name: &str| {
        let mut mechanisms = body.mechanisms();
        mechanisms.any(|m| Ok(m == name)).map_err(|e| e.to_string())
    };
    let wanted = address.config().get_channel_binding();
    let end_point = match wanted {
        config::ChannelBinding::Disable => None,
        _ => stream.end_point(),
    };
    match (offers(SCRAM_SHA_256_PLUS)?, end_point) {
        (true, Some(hash)) => {
            let binding = ChannelBinding::tls_server_end_point(hash);
            Ok((SCRAM_SHA_256_PLUS, binding))
        }
        _ if wanted == config::ChannelBinding::Require => Err(no_binding()),
        _ if !offers(SCRAM_SHA_256)? => Err("the server offers no SCRAM-SHA-256".to_owned()),
        // Said where it is true: a server that did offer it then knows that somebody between
        // took the offer away.
        (false, Some(_)) => Ok((SCRAM_SHA_256, ChannelBinding::unrequested())),
        (_, None) => Ok((SCRAM_SHA_256, ChannelBinding::unsupported())),
    }
}

fn no_binding() -> String {
    "channel_binding=require is asked for, and the server does not offer it".to_owned()
}

fn out_of_turn() -> String {
    "the server's authentication messages are out of turn".to_owned()
}

/// The server's error from its message.
pub(super) fn server_error(body: &ErrorResponseBody) -> ServerError {
    let mut error = ServerError {
        sqlstate: String::new(),
        message: String::new(),
        detail: None,
        hint: None,
        position: None,
    };
    let mut fields = body.fields();
    // A field that cannot be read ends the message; what was read before it still helps.
    while let Ok(Some(field)) = fields.next() {
        let value = String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'C' => error.sqlstate = value,
            b'M' => error.message = value,
            b'D' => error.detail = Some(value),
            b'H' => error.hint = Some(value),
            b'P' => error.position = value.parse().ok(),
            _ => {}
        }
    }
    error
}

/// The server's error from the body of its message.
pub(super) fn server_error_of(body: &[u8]) -> ServerError {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut bytes = BytesMut::new();
    bytes.extend_from_slice(b"E");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(body);
    match Message::parse(&mut bytes) {
        Ok(Some(Message::ErrorResponse(body))) => server_error(&body),
        _ => ServerError {
            sqlstate: String::new(),
            message: "the server reported an error that cannot be read".to_owned(),
            detail: None,
            hint: None,
            position: None,
        },
    }
}
