//! SCRAM's channel binding where the tee stands between: [`Supervision`].
//!
//! SCRAM-SHA-256-PLUS binds the authentication to the certificate of the TLS connection (RFC 5802,
//! RFC 5929). Where the tee speaks TLS with the server, the application has another connection than
//! the server, so it cannot bind:
//!
//! * The application's side is not encrypted. libpq takes an offer of PLUS there for an attack and
//!   gives up, so PLUS is taken out of the offer, which is the one message that the tee alters. The
//!   client then says that it does not bind (`n`), and the server takes that.
//! * Both sides are encrypted, with different certificates. A client that can bind would be refused
//!   whatever the tee did: with PLUS, because the certificates differ; without the offer, because
//!   it says that it could have bound (`y`), and the server knows that it had offered to. So the offer stays,
//!   clients that do not bind get on, and one that chooses PLUS is told what to set.
//!
//! A certificate that is the server's own needs none of this.

use std::borrow::Cow;

const PLUS: &[u8] = b"SCRAM-SHA-256-PLUS";
const AUTHENTICATION: u8 = b'R';
const SASL: [u8; 4] = 10_u32.to_be_bytes();

/// A longer message is none of authentication's.
const LONGEST: usize = 16 * 1024;

/// A side of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// The application chose SCRAM-SHA-256-PLUS, which cannot work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

/// Follows a session until its authentication is past the choice of a mechanism.
#[derive(Debug)]
pub(super) struct Supervision {
    client_is_encrypted: bool,
    state: State,
    /// A message that is not whole yet.
    pending: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The server has not asked for authentication yet.
    BeforeOffer,
    /// PLUS was offered to a client that is encrypted; what it chooses comes next.
    Offered,
    /// PLUS was taken out of the offer; whether the client goes on without comes next.
    TakenOut,
    Over,
}

/// What the server's first messages come to.
enum Offer {
    Incomplete,
    /// The offer begins here and ends there.
    Found(usize, usize),
    None,
}

impl Supervision {
    pub(super) fn new(client_is_encrypted: bool) -> Supervision {
        Supervision {
            client_is_encrypted,
            state: State::BeforeOffer,
            pending: Vec::new(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over && self.pending.is_empty()
    }

    /// What is to be written of what was read.
    pub(super) fn pass<'a>(
        &mut self,
        from: Side,
        bytes: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, Refused> {
        match (self.state, from) {
            (State::BeforeOffer, Side::Server) => {
                self.pending.extend_from_slice(bytes);
                Ok(Cow::Owned(self.offer()))
            }
            (State::Offered, Side::Client) => {
                self.pending.extend_from_slice(bytes);
                self.choice().map(Cow::Owned)
            }
            (State::TakenOut, Side::Client) => {
                self.state = State::Over;
                Ok(Cow::Borrowed(bytes))
            }
            _ => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// Whether the client has not answered the offer that PLUS was taken out of.
    pub(super) fn is_unanswered(&self) -> bool {
        self.state == State::TakenOut
    }

    /// What is still held of a side whose stream ends within a message.
    pub(super) fn end(&mut self, side: Side) -> Vec<u8> {
        match (self.state, side) {
            (State::BeforeOffer, Side::Server) | (State::Offered, Side::Client) => self.rest(),
            _ => Vec::new(),
        }
    }

    fn rest(&mut self) -> Vec<u8> {
        self.state = State::Over;
        std::mem::take(&mut self.pending)
    }

    fn offer(&mut self) -> Vec<u8> {
        match find_offer(&self.pending) {
            Offer::Incomplete => Vec::new(),
            Offer::None => self.rest(),
            Offer::Found(start, end) => {
                let offers_plus = mechanisms(&self.pending[start..end]).any(|name| name == PLUS);
                let encrypted = self.client_is_encrypted;
                let mut bytes = self.rest();
                if offers_plus && encrypted {
                    self.state = State::Offered;
                } else if offers_plus {
                    let without = without_plus(&bytes[start..end]);
                    bytes.splice(start..end, without);
                    self.state = State::TakenOut;
                }
                bytes
            }
        }
    }

    fn choice(&mut self) -> Result<Vec<u8>, Refused> {
        // SASLInitialResponse: 'p', length, the mechanism's name and a zero byte, the response.
        let name = self.pending.get(5..).unwrap_or_default();
        let end = name.iter().position(|byte| *byte == 0);
        let is_response = matches!(self.pending.first(), None | Some(b'p'));
        match end {
            None if is_response && self.pending.len() < LONGEST => Ok(Vec::new()),
            Some(end) if is_response && name[..end] == *PLUS => Err(Refused),
            _ => Ok(self.rest()),
        }
    }
}

/// Looks past `NegotiateProtocolVersion` and notices for `AuthenticationSASL`.
fn find_offer(bytes: &[u8]) -> Offer {
    let mut start = 0;
    loop {
        let message = &bytes[start..];
        match message.first() {
            None => return Offer::Incomplete,
            Some(&AUTHENTICATION | b'v' | b'N') => {}
            Some(_) => return Offer::None,
        }
        let Some(length) = message.get(1..).and_then(|rest| rest.first_chunk::<4>()) else {
            return Offer::Incomplete;
        };
        let length = u32::from_be_bytes(*length) as usize;
        if !(4..=LONGEST).contains(&length) {
            return Offer::None;
        }
        let end = start + 1 + length;
        if bytes.len() < end {
            return Offer::Incomplete;
        }
        if message[0] == AUTHENTICATION {
            return match message.get(5..9) {
                Some(kind) if kind == SASL => Offer::Found(start, end),
                _ => Offer::None,
            };
        }
        start = end;
    }
}

/// The names that an `AuthenticationSASL` message offers.
fn mechanisms(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    let names = message.get(9..).unwrap_or_default();
    names
        .split(|byte| *byte == 0)
        .filter(|name| !name.is_empty())
}

/// The same message without SCRAM-SHA-256-PLUS.
fn without_plus(message: &[u8]) -> Vec<u8> {
    let mut names = Vec::new();
    for name in mechanisms(message).filter(|name| *name != PLUS) {
        names.extend_from_slice(name);
        names.push(0);
    }
    names.push(0);
    let length = u32::try_from(8 + names.len()).unwrap_or(u32::MAX);
    let head = [&[AUTHENTICATION], &length.to_be_bytes()[..], &SASL].concat();
    [head, names].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(4 + body.len()).unwrap();
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    fn offer(names: &str) -> Vec<u8> {
        message(b'R', &[&SASL, names.as_bytes()].concat())
    }

    /// What comes of the bytes, cut in two at every place in turn.
    fn check(encrypted: bool, bytes: &[u8], expected: &[u8]) {
        for cut in 0..=bytes.len() {
            let mut supervision = Supervision::new(encrypted);
            let mut written = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                written.extend_from_slice(&supervision.pass(Side::Server, part).unwrap());
            }
            assert_eq!(written, expected, "cut at {cut}");
            assert_eq!(supervision.is_unanswered(), bytes != expected);
        }
    }

    #[test]
    fn plus_is_taken_out_of_the_offer_to_a_client_that_is_not_encrypted() {
        let both = offer("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
        let one = offer("SCRAM-SHA-256\0\0");
        check(false, &both, &one);
        check(true, &both, &both);
        check(false, &one, &one);
        let negotiated = message(b'v', &[0, 3, 0, 0, 0, 0, 0, 0]);
        let before = |bytes: &[u8]| [&negotiated, bytes].concat();
        check(false, &before(&both), &before(&one));
        for other in [
            message(b'R', &[0, 0, 0, 5, 1, 2, 3, 4]),
            message(b'E', b"SFATAL\0\0"),
        ] {
            check(false, &other, &other);
        }
    }

    #[test]
    fn a_client_that_chooses_plus_is_refused_and_another_gets_on() {
        for (name, refused) in [("SCRAM-SHA-256-PLUS", true), ("SCRAM-SHA-256", false)] {
            let response = message(b'p', &[name.as_bytes(), b"\0\0\0\0\x01n"].concat());
            for cut in 0..=response.len() {
                let mut supervision = Supervision::new(true);
                let both = offer("SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
                supervision.pass(Side::Server, &both).unwrap();
                let (first, second) = response.split_at(cut);
                let outcome = supervision
                    .pass(Side::Client, first)
                    .map(Cow::into_owned)
                    .and_then(|first| {
                        let second = supervision.pass(Side::Client, second)?.into_owned();
                        Ok([first, second].concat())
                    });
                match outcome {
                    Ok(written) => assert!(!refused && written == response, "{name} {cut}"),
                    Err(Refused) => assert!(refused, "{name} {cut}"),
                }
            }
        }
    }
}
