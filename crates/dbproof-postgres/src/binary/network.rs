//! Addresses of hosts and networks (PostgreSQL's `network_send`).

use std::net::IpAddr;

const IPV4: u8 = 2;
const IPV6: u8 = 3;

/// Appends `192.168.0.1`, `192.168.0.1/24` or such an address of IPv6.
pub(super) fn encode_inet(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let bits = match bits {
        Some(bits) => prefix(bits, width(address))?,
        None => width(address),
    };
    append(address, bits, false, out);
    Some(())
}

/// Appends a network. Its width must be told, since without one the server goes by the classes of
/// old; what has bits to the right of it, the server refuses.
pub(super) fn encode_cidr(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let (address, bits) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let bits = prefix(bits, width(address))?;
    let value = match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    };
    if value.checked_shl(u32::from(bits)).unwrap_or(0) != 0 {
        return None;
    }
    append(address, bits, true, out);
    Some(())
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn prefix(text: &str, width: u8) -> Option<u8> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let short = text == "0" || !text.starts_with('0');
    let bits = text.parse().ok()?;
    (plain && short && bits <= width).then_some(bits)
}

fn append(address: IpAddr, bits: u8, is_cidr: bool, out: &mut Vec<u8>) {
    let flag = u8::from(is_cidr);
    match address {
        IpAddr::V4(address) => {
            out.extend_from_slice(&[IPV4, bits, flag, 4]);
            out.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            out.extend_from_slice(&[IPV6, bits, flag, 16]);
            out.extend_from_slice(&address.octets());
        }
    }
}
