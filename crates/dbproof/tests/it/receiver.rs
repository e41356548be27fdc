//! A collector of OpenTelemetry for tests: takes requests over HTTP, or HTTPS with a certificate of its own, and
//! answers what it is told to.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver as Channel, Sender, channel};
use std::thread;

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use prost::Message as _;

/// An answer: status line, further headers, body.
pub(crate) struct Answer {
    pub(crate) status: &'static str,
    pub(crate) headers: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: &'static str, headers: &'static str, body: &str) -> Self {
        let body = body.as_bytes().to_vec();
        Answer {
            status,
            headers,
            body,
        }
    }

    /// Everything is taken.
    pub(crate) fn taken() -> Self {
        Answer::partial(0, "")
    }

    /// Some points are not taken.
    pub(crate) fn partial(rejected: i64, message: &str) -> Self {
        let partial = ExportMetricsPartialSuccess {
            rejected_data_points: rejected,
            error_message: message.to_owned(),
        };
        let answer = ExportMetricsServiceResponse {
            partial_success: (rejected > 0 || !message.is_empty()).then_some(partial),
        };
        Answer {
            status: "200 OK",
            headers: "Content-Type: application/x-protobuf\r\n",
            body: answer.encode_to_vec(),
        }
    }
}

/// A request as it came.
pub(crate) struct Request {
    /// `POST /v1/metrics`, then the headers, a line each, names in small letters.
    pub(crate) head: Vec<String>,
    pub(crate) metrics: ExportMetricsServiceRequest,
}

/// Takes as many requests as it has answers, one after the other.
pub(crate) struct Receiver {
    pub(crate) url: String,
    requests: Channel<Request>,
}

impl Receiver {
    pub(crate) fn start(answers: Vec<Answer>) -> Self {
        Receiver::serve("http", answers, |stream| Box::new(stream))
    }

    /// With TLS by a certificate for `localhost`, which is returned as PEM.
    pub(crate) fn start_with_tls(answers: Vec<Answer>) -> (Self, String) {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certified.cert.der().clone()], key.unwrap())
            .unwrap();
        let config = Arc::new(config);
        let receiver = Receiver::serve("https", answers, move |stream| {
            let session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
            Box::new(rustls::StreamOwned::new(session, stream))
        });
        (receiver, certified.cert.pem())
    }

    fn serve(
        scheme: &str,
        answers: Vec<Answer>,
        open: impl Fn(TcpStream) -> Box<dyn Stream> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!(
            "{scheme}://localhost:{}",
            listener.local_addr().unwrap().port()
        );
        let (send, requests) = channel();
        thread::spawn(move || {
            for answer in answers {
                let stream = open(listener.accept().unwrap().0);
                // Whoever does not trust the certificate is gone before it has sent anything.
                exchange(stream, &answer, &send);
            }
        });
        Receiver { url, requests }
    }

    /// The requests that have come, in order: all that were answered.
    pub(crate) fn requests(self) -> Vec<Request> {
        self.requests.try_iter().collect()
    }
}

pub(crate) trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Reads a request and hands it on before it is answered. `None` where none comes.
fn exchange(stream: Box<dyn Stream>, answer: &Answer, send: &Sender<Request>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => head.push(if head.is_empty() {
                line.trim_end_matches(" HTTP/1.1").to_owned()
            } else {
                let (name, value) = line.split_once(':').unwrap();
                format!("{}: {}", name.to_lowercase(), value.trim())
            }),
        }
    }
    let length = head
        .iter()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a request has a length");
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let metrics = ExportMetricsServiceRequest::decode(body.as_slice()).unwrap();
    send.send(Request { head, metrics }).ok()?;
    let stream = reader.get_mut();
    let (status, headers, length) = (answer.status, answer.headers, answer.body.len());
    write!(
        stream,
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    stream.write_all(&answer.body).unwrap();
    stream.flush().unwrap();
    Some(())
}
