//! TLS for tokio-postgres: [`MakeConnector`].
//!
//! The crate that does this (tokio-postgres-rustls) keeps its channel binding to itself, which the
//! measuring connection needs as well, and brings a second X.509 parser for it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

/// Makes connectors, and remembers whether a handshake has failed.
#[derive(Debug, Clone)]
pub(crate) struct MakeConnector {
    config: Arc<ClientConfig>,
    failed: Arc<AtomicBool>,
}

/// Speaks TLS with one host.
#[derive(Debug)]
pub(crate) struct Connector {
    host: String,
    maker: MakeConnector,
}

/// An encrypted stream.
#[derive(Debug)]
pub(crate) struct Encrypted<S>(tokio_rustls::client::TlsStream<S>);

impl MakeConnector {
    pub(crate) fn new(config: Arc<ClientConfig>) -> Self {
        MakeConnector {
            config,
            failed: Arc::default(),
        }
    }

    /// Whether a handshake has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

impl<S> MakeTlsConnect<S> for MakeConnector
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type TlsConnect = Connector;
    type Error = std::convert::Infallible;

    fn make_tls_connect(&mut self, host: &str) -> Result<Connector, Self::Error> {
        Ok(Connector {
            host: host.to_owned(),
            maker: self.clone(),
        })
    }
}

impl<S> TlsConnect<S> for Connector
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    type Stream = Encrypted<S>;
    type Error = String;
    type Future = Pin<Box<dyn Future<Output = Result<Encrypted<S>, String>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move {
            let connected = match super::server_name(&self.host) {
                Ok(name) => TlsConnector::from(self.maker.config)
                    .connect(name, stream)
                    .await
                    .map_err(|error| super::explain_io(&error, &self.host)),
                Err(reason) => Err(reason),
            };
            if connected.is_err() {
                self.maker.failed.store(true, Ordering::Relaxed);
            }
            connected.map(Encrypted)
        })
    }
}

impl<S> TlsStream for Encrypted<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    fn channel_binding(&self) -> ChannelBinding {
        let (_, session) = self.0.get_ref();
        session
            .peer_certificates()
            .and_then(|chain| super::end_point(chain.first()?))
            .map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl<S> AsyncRead for Encrypted<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S> AsyncWrite for Encrypted<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
