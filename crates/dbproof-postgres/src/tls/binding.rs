//! SCRAM's channel binding `tls-server-end-point` (RFC 5929): [`end_point`].

use ring::digest::{Algorithm, SHA256, SHA384, SHA512, digest};

/// The hash of the server's certificate that SCRAM is bound to; `None` where its signature
/// algorithm has no hash function of its own, such as Ed25519.
pub(crate) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = hash_of(signature_algorithm(certificate)?)?;
    Some(digest(algorithm, certificate).as_ref().to_vec())
}

/// The hash function of a signature algorithm; MD5 and SHA-1 are replaced by SHA-256.
fn hash_of(identifier: &[u8]) -> Option<&'static Algorithm> {
    const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    let rsa = identifier.strip_prefix(RSA);
    let ecdsa = identifier.strip_prefix(ECDSA);
    match (rsa, ecdsa) {
        (Some([0x04 | 0x05 | 0x0b]), _) | (_, Some([0x01] | [0x03, 0x02])) => Some(&SHA256),
        (Some([0x0c]), _) | (_, Some([0x03, 0x03])) => Some(&SHA384),
        (Some([0x0d]), _) | (_, Some([0x03, 0x04])) => Some(&SHA512),
        _ => None,
    }
}

/// The object identifier in `Certificate ::= SEQUENCE { tbs, SEQUENCE { identifier, … }, … }`.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const IDENTIFIER: u8 = 0x06;
    let (body, _) = element(certificate, SEQUENCE)?;
    let (_, after_tbs) = element(body, SEQUENCE)?;
    let (algorithm, _) = element(after_tbs, SEQUENCE)?;
    element(algorithm, IDENTIFIER).map(|(identifier, _)| identifier)
}

/// The content of a DER element with this tag, and what follows it.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let [first, length, rest @ ..] = bytes else {
        return None;
    };
    if *first != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7f => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            let length = digits.iter().fold(0, |sum, d| (sum << 8) | usize::from(*d));
            (length, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_of_every_length_are_read_and_damaged_ones_refused() {
        let certificate = |size: u8| {
            let tbs = [vec![0x30, 0x81, size], vec![0; usize::from(size)]].concat();
            let algorithm = [0x30, 0x0a, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3];
            let body = [&tbs[..], &algorithm].concat();
            let length = u16::try_from(body.len()).unwrap().to_be_bytes();
            [&[0x30, 0x82][..], &length, &body].concat()
        };
        for size in [0, 127, 200] {
            let certificate = certificate(size);
            assert_eq!(end_point(&certificate).unwrap().len(), 48);
            for cut in 0..certificate.len() {
                assert_eq!(end_point(&certificate[..cut]), None);
            }
        }
    }
}
