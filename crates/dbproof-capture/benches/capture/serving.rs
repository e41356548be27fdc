//! A tee as a process of its own, until its standard input ends.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use dbproof_capture::capture::{Capture, CaptureOptions};
use dbproof_capture::tee::{Tee, TeeOptions};
use dbproof_postgres::Address;

use crate::scan::Counter;
use crate::{Side, threads, tokio_loop};

/// Arguments: the side's name, and the port of the server. The port listened at is printed.
pub(crate) fn serve(arguments: &[String]) {
    let side = Side::named(&arguments[0]).expect("a side");
    let server: u16 = arguments[1].parse().expect("a port");
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    match side {
        Side::EventLoop => {
            let url = format!("postgres://bench@127.0.0.1:{server}/postgres?sslmode=disable");
            let options = TeeOptions::new(Address::parse(&url).expect("a URL"));
            let tee = Tee::start(&options, Counter::default()).expect("a tee");
            announce(tee.address().expect("a port").port());
            wait();
            let (counter, report) = tee.stop(Duration::ZERO);
            let messages = counter.map_or(0, |counter| counter.messages);
            assert!(report.problems.is_empty(), "{:?}", report.problems);
            assert!(report.sessions == 0 || messages > 0, "nothing was seen");
        }
        Side::Capture => {
            let url = format!("postgres://bench@127.0.0.1:{server}/postgres?sslmode=disable");
            let options = TeeOptions::new(Address::parse(&url).expect("a URL"));
            let (capture, batches) =
                Capture::start(&CaptureOptions::new(options)).expect("a capture");
            let taker = std::thread::spawn(move || {
                batches
                    .iter()
                    .map(|batch| batch.executed.len())
                    .sum::<usize>()
            });
            announce(capture.address().expect("a port").port());
            wait();
            let summary = capture.stop(Duration::ZERO);
            let count = taker.join().expect("it took all");
            assert_eq!(summary.executions, count as u64);
            assert!(summary.incomplete.is_empty(), "{:?}", summary.incomplete);
        }
        Side::Tokio => {
            announce(listener.local_addr().expect("a port").port());
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                runtime.block_on(tokio_loop::run(listener, server));
            });
            wait();
        }
        Side::Threads => {
            announce(listener.local_addr().expect("a port").port());
            std::thread::spawn(move || threads::run(&listener, server));
            wait();
        }
        Side::Direct | Side::PgBouncer => panic!("not one of ours"),
    }
}

fn announce(port: u16) {
    println!("{port}");
    std::io::stdout().flush().expect("standard output");
}

fn wait() {
    std::io::stdin()
        .read_to_end(&mut Vec::new())
        .expect("standard input");
}
