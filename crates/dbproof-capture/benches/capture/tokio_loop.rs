//! The tee on tokio's runtime of one thread.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::scan::Scanner;

pub(crate) async fn run(listener: std::net::TcpListener, server: u16) {
    listener.set_nonblocking(true).expect("a socket");
    let listener = TcpListener::from_std(listener).expect("a socket");
    loop {
        let (client, _) = listener.accept().await.expect("a connection");
        tokio::spawn(serve(client, server));
    }
}

async fn serve(mut client: TcpStream, server: u16) {
    let mut upstream = TcpStream::connect(("127.0.0.1", server))
        .await
        .expect("the server");
    client.set_nodelay(true).expect("a socket");
    upstream.set_nodelay(true).expect("a socket");
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = upstream.split();
    tokio::select! {
        () = pass(from_client, to_server, Scanner::of_client()) => {}
        () = pass(from_server, to_client, Scanner::default()) => {}
    }
}

async fn pass(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut scanner: Scanner) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
        scanner.scan(&buffer[..count]);
    }
    std::hint::black_box(scanner.messages);
}
