//! The messages of both sides, for conversations.

/// What happens in a conversation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Sent {
    Client(Vec<u8>),
    Server(Vec<u8>),
    /// So many microseconds pass.
    Later(u64),
}

pub(super) const TEXT: u32 = 25;
pub(super) const INT4: u32 = 23;
pub(super) const BPCHAR: u32 = 1042;

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap().to_be_bytes();
    [&[tag], &length[..], body].concat()
}

pub(super) fn client(tag: u8, body: &[u8]) -> Sent {
    Sent::Client(message(tag, body))
}

pub(super) fn server(tag: u8, body: &[u8]) -> Sent {
    Sent::Server(message(tag, body))
}

fn count(n: usize) -> [u8; 2] {
    u16::try_from(n).unwrap().to_be_bytes()
}

fn value(value: Option<&[u8]>) -> Vec<u8> {
    match value {
        None => (-1_i32).to_be_bytes().to_vec(),
        Some(value) => {
            let length = i32::try_from(value.len()).unwrap().to_be_bytes();
            [&length[..], value].concat()
        }
    }
}

fn values(all: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = count(all.len()).to_vec();
    body.extend(all.iter().flat_map(|one| value(*one)));
    body
}

pub(super) fn startup_message(parameters: &[(&str, &str)]) -> Sent {
    let mut body = vec![0, 3, 0, 0];
    for (key, value) in parameters {
        body.extend(format!("{key}\0{value}\0").bytes());
    }
    body.push(0);
    let length = i32::try_from(body.len() + 4).unwrap().to_be_bytes();
    Sent::Client([&length[..], &body].concat())
}

/// A session is opened with a password.
pub(super) fn startup() -> Vec<Sent> {
    vec![
        startup_message(&[("user", "u"), ("database", "d"), ("application_name", "a")]),
        server(b'R', &[0, 0, 0, 3]),
        client(b'p', b"secret\0"),
        server(b'R', &[0, 0, 0, 0]),
        server(b'S', b"server_version\x0017\0"),
        server(b'K', &[0; 8]),
        ready(b'I'),
    ]
}

pub(super) fn query(sql: &str) -> Sent {
    client(b'Q', format!("{sql}\0").as_bytes())
}

pub(super) fn parse(name: &str, sql: &str, types: &[u32]) -> Sent {
    let mut body = format!("{name}\0{sql}\0").into_bytes();
    body.extend(count(types.len()));
    body.extend(types.iter().flat_map(|oid| oid.to_be_bytes()));
    client(b'P', &body)
}

/// Parameters in text form, results in text form.
pub(super) fn bind(portal: &str, statement: &str, parameters: &[Option<&str>]) -> Sent {
    let parameters: Vec<_> = parameters.iter().map(|p| p.map(str::as_bytes)).collect();
    bind_as(portal, statement, &[], &parameters, &[])
}

pub(super) fn bind_as(
    portal: &str,
    statement: &str,
    formats: &[u16],
    parameters: &[Option<&[u8]>],
    results: &[u16],
) -> Sent {
    let codes = |codes: &[u16]| {
        let mut body = count(codes.len()).to_vec();
        body.extend(codes.iter().flat_map(|code| code.to_be_bytes()));
        body
    };
    let mut body = format!("{portal}\0{statement}\0").into_bytes();
    body.extend(codes(formats));
    body.extend(values(parameters));
    body.extend(codes(results));
    client(b'B', &body)
}

/// `S` and a statement's name, or `P` and a portal's.
pub(super) fn describe(kind: char, name: &str) -> Sent {
    client(b'D', format!("{kind}{name}\0").as_bytes())
}

pub(super) fn close(kind: char, name: &str) -> Sent {
    client(b'C', format!("{kind}{name}\0").as_bytes())
}

pub(super) fn execute(portal: &str, most_rows: u32) -> Sent {
    let mut body = format!("{portal}\0").into_bytes();
    body.extend(most_rows.to_be_bytes());
    client(b'E', &body)
}

pub(super) fn sync() -> Sent {
    client(b'S', b"")
}

pub(super) fn flush() -> Sent {
    client(b'H', b"")
}

pub(super) fn ready(state: u8) -> Sent {
    server(b'Z', &[state])
}

pub(super) fn parsed() -> Sent {
    server(b'1', b"")
}

pub(super) fn bound() -> Sent {
    server(b'2', b"")
}

pub(super) fn closed() -> Sent {
    server(b'3', b"")
}

pub(super) fn no_data() -> Sent {
    server(b'n', b"")
}

pub(super) fn suspended() -> Sent {
    server(b's', b"")
}

pub(super) fn parameters(types: &[u32]) -> Sent {
    let mut body = count(types.len()).to_vec();
    body.extend(types.iter().flat_map(|oid| oid.to_be_bytes()));
    server(b't', &body)
}

/// Columns with the OIDs of their types, in text form.
pub(super) fn columns(all: &[(&str, u32)]) -> Sent {
    let mut body = count(all.len()).to_vec();
    for (name, type_oid) in all {
        body.extend(format!("{name}\0").bytes());
        body.extend(16_400_u32.to_be_bytes());
        body.extend(1_u16.to_be_bytes());
        body.extend(type_oid.to_be_bytes());
        body.extend([0, 4, 255, 255, 255, 255, 0, 0]);
    }
    server(b'T', &body)
}

pub(super) fn row(all: &[&str]) -> Sent {
    let all: Vec<_> = all.iter().map(|one| Some(one.as_bytes())).collect();
    row_of(&all)
}

pub(super) fn row_of(all: &[Option<&[u8]>]) -> Sent {
    server(b'D', &values(all))
}

pub(super) fn complete(tag: &str) -> Sent {
    server(b'C', format!("{tag}\0").as_bytes())
}

pub(super) fn error(state: &str) -> Sent {
    let fields = format!("SERROR\0VERROR\0C{state}\0Mkey (id)=(secret)\0\0");
    server(b'E', fields.as_bytes())
}

pub(super) fn notice() -> Sent {
    server(b'N', b"SNOTICE\0VNOTICE\0C00000\0Mhello\0\0")
}

/// Parse, Bind, Describe, Execute and Sync, as libpq sends them, and an answer without rows.
pub(super) fn extended(sql: &str, tag: &str, state: u8) -> Vec<Sent> {
    vec![
        parse("", sql, &[]),
        bind("", "", &[]),
        describe('P', ""),
        execute("", 0),
        sync(),
        parsed(),
        bound(),
        no_data(),
        complete(tag),
        ready(state),
    ]
}

/// A simple query and an answer without rows.
pub(super) fn simple(sql: &str, tag: &str, state: u8) -> Vec<Sent> {
    vec![query(sql), complete(tag), ready(state)]
}
