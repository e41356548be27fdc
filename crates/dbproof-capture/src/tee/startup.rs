//! The first packet of a connection, which has no type byte: [`FirstPacket`]
//! (PostgreSQL documentation, "Message Formats": `StartupMessage`, `SSLRequest`,
//! `GSSENCRequest`, `CancelRequest`).

/// What asks the server for TLS.
pub(super) const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

const CANCEL_REQUEST_CODE: u32 = 80_877_102;
const SSL_REQUEST_CODE: u32 = 80_877_103;
const GSS_REQUEST_CODE: u32 = 80_877_104;

/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// The longest packet that the server takes (`MAX_STARTUP_PACKET_LENGTH`), in bytes.
pub(super) const LONGEST: usize = 10_000;

/// The first packet of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstPacket {
    /// There is more of it to come.
    Incomplete,
    /// A TLS handshake without asking for it (PostgreSQL 17, `sslnegotiation=direct`).
    DirectTls,
    SslRequest,
    GssRequest,
    /// On a connection of its own. Its key has 4 bytes up to protocol 3.0, and up to 256 in 3.2.
    CancelRequest,
    /// A `StartupMessage`, of any version of the protocol: what is too new or too old for the server,
    /// it says itself.
    Startup,
    /// Nothing that a PostgreSQL client sends.
    Invalid(&'static str),
}

/// What the bytes at the beginning of a connection, or after a declined request, are.
pub(super) fn first_packet(bytes: &[u8]) -> FirstPacket {
    if bytes.first() == Some(&TLS_HANDSHAKE) {
        return FirstPacket::DirectTls;
    }
    let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
        return FirstPacket::Incomplete;
    };
    let length = u32::from_be_bytes(*length) as usize;
    if !(8..=LONGEST).contains(&length) {
        return FirstPacket::Invalid("invalid length of startup packet");
    }
    if bytes.len() < length {
        return FirstPacket::Incomplete;
    }
    let code = rest
        .first_chunk::<4>()
        .map_or(0, |c| u32::from_be_bytes(*c));
    let alone = bytes.len() == length;
    match code {
        SSL_REQUEST_CODE | GSS_REQUEST_CODE if length != 8 => {
            FirstPacket::Invalid("invalid length of a request for encryption")
        }
        // What follows without waiting for the answer is not encrypted, and could be anybody's.
        SSL_REQUEST_CODE | GSS_REQUEST_CODE if !alone => {
            FirstPacket::Invalid("received unencrypted data after a request for encryption")
        }
        SSL_REQUEST_CODE => FirstPacket::SslRequest,
        GSS_REQUEST_CODE => FirstPacket::GssRequest,
        CANCEL_REQUEST_CODE => FirstPacket::CancelRequest,
        _ => FirstPacket::Startup,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(code: u32, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(8 + body.len()).unwrap();
        [&length.to_be_bytes(), &code.to_be_bytes(), body].concat()
    }

    #[test]
    fn each_packet_is_known_once_it_is_whole() {
        let startup = packet(3 << 16, b"user\0ann\0\0");
        for (bytes, expected) in [
            (SSL_REQUEST.to_vec(), FirstPacket::SslRequest),
            (packet(GSS_REQUEST_CODE, b""), FirstPacket::GssRequest),
            (
                packet(CANCEL_REQUEST_CODE, &[7; 8]),
                FirstPacket::CancelRequest,
            ),
            (
                packet(CANCEL_REQUEST_CODE, &[7; 260]),
                FirstPacket::CancelRequest,
            ),
            (
                packet((3 << 16) + 2, b"user\0ann\0\0"),
                FirstPacket::Startup,
            ),
            (startup, FirstPacket::Startup),
        ] {
            assert_eq!(first_packet(&bytes), expected);
            for cut in 0..bytes.len() {
                assert_eq!(
                    first_packet(&bytes[..cut]),
                    FirstPacket::Incomplete,
                    "{cut}"
                );
            }
        }
        assert_eq!(first_packet(&[0x16, 3]), FirstPacket::DirectTls);
    }

    #[test]
    fn what_is_no_startup_packet_is_refused() {
        let after_request = [SSL_REQUEST.as_slice(), b"x"].concat();
        let too_long = [0, 1, 0, 0, 0, 3, 0, 0];
        for bytes in [
            b"GET / HTTP/1.1\r\n".as_slice(),
            &[0; 8],
            &after_request,
            &too_long,
        ] {
            assert!(
                matches!(first_packet(bytes), FirstPacket::Invalid(_)),
                "{bytes:?}"
            );
        }
    }
}
