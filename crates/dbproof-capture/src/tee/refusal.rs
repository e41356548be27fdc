//! An error that the tee tells the application itself: [`Refusal`].

/// An ErrorResponse of severity FATAL, as a server that cannot serve sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The SQLSTATE.
    pub(super) sqlstate: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// `sqlclient_unable_to_establish_sqlconnection`.
pub(super) const SERVER_UNREACHABLE: &str = "08001";
/// `protocol_violation`.
pub(super) const PROTOCOL_VIOLATION: &str = "08P01";
/// `invalid_authorization_specification`.
pub(super) const AUTHORIZATION: &str = "28000";

impl Refusal {
    pub(super) fn new(sqlstate: &'static str, message: String) -> Refusal {
        Refusal {
            sqlstate,
            message,
            hint: None,
        }
    }

    /// The message as it is sent.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut fields = Vec::new();
        let mut field = |kind: u8, value: &str| {
            fields.push(kind);
            // A zero byte would end the field, and what follows would be read as another.
            fields.extend(value.bytes().filter(|byte| *byte != 0));
            fields.push(0);
        };
        field(b'S', "FATAL");
        field(b'V', "FATAL");
        field(b'C', self.sqlstate);
        field(b'M', &self.message);
        if let Some(hint) = &self.hint {
            field(b'H', hint);
        }
        fields.push(0);
        let length = u32::try_from(fields.len() + 4).unwrap_or(u32::MAX);
        let mut message = vec![b'E'];
        message.extend_from_slice(&length.to_be_bytes());
        message.append(&mut fields);
        message
    }
}
