//! The tee as two blocking threads a connection.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use crate::scan::Scanner;

pub(crate) fn run(listener: &TcpListener, server: u16) {
    for client in listener.incoming() {
        let client = client.expect("a connection");
        let upstream = TcpStream::connect(("127.0.0.1", server)).expect("the server");
        for stream in [&client, &upstream] {
            stream.set_nodelay(true).expect("a socket");
        }
        let copies = (
            client.try_clone().expect("a socket"),
            upstream.try_clone().expect("a socket"),
        );
        std::thread::spawn(move || pass(client, upstream, Scanner::of_client()));
        std::thread::spawn(move || pass(copies.1, copies.0, Scanner::default()));
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut scanner: Scanner) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
        scanner.scan(&buffer[..count]);
    }
    std::hint::black_box(scanner.messages);
    to.shutdown(Shutdown::Both).ok();
    from.shutdown(Shutdown::Both).ok();
}
