//! Threads that generate and encode rows: [`Source`].

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use dbproof_data::Rows;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::{JoinHandle, spawn_blocking};

use super::target::Encoder;
use crate::binary::Unencodable;

/// Rows that a thread takes on at a time.
const BLOCK: u64 = 4_000;
/// Bytes sent at a time.
const CHUNK: usize = 128 * 1024;
/// Chunks that a thread may be ahead of the connection. With [`CHUNK`] this bounds the memory.
const AHEAD: usize = 3;

/// A part of the encoded rows.
pub(super) struct Chunk {
    pub(super) bytes: Bytes,
    /// How many rows end in it.
    pub(super) rows: u64,
    /// Whether the thread's block ends here.
    ends_block: bool,
}

/// Encoded rows, a bounded number of chunks ahead of whoever sends them. Dropping it ends the
/// threads.
pub(super) struct Source {
    lanes: Vec<Lane>,
    /// The lane whose turn it is.
    turn: usize,
}

struct Lane {
    chunks: Receiver<Result<Chunk, Unencodable>>,
    thread: JoinHandle<()>,
}

impl Source {
    /// All rows of the table, in order, made by this many threads.
    pub(super) fn ordered(rows: &Rows, encoder: &Encoder, threads: usize) -> Self {
        let stride = threads.max(1) as u64;
        let lane = |first| {
            let mut blocks = (first..).step_by(threads.max(1));
            Lane::start(rows, encoder, move || {
                blocks.next().unwrap_or(u64::MAX / BLOCK)
            })
        };
        Source {
            lanes: (0..stride).map(lane).collect(),
            turn: 0,
        }
    }

    /// The blocks that this source is first to take from the counter, which several share.
    pub(super) fn shared(rows: &Rows, encoder: &Encoder, next: &Arc<AtomicU64>) -> Self {
        let next = Arc::clone(next);
        let lane = Lane::start(rows, encoder, move || next.fetch_add(1, Ordering::Relaxed));
        Source {
            lanes: vec![lane],
            turn: 0,
        }
    }

    /// The next chunk; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Chunk>, Unencodable> {
        let lane = &mut self.lanes[self.turn];
        match lane.chunks.recv().await {
            Some(Ok(chunk)) => {
                if chunk.ends_block {
                    self.turn = (self.turn + 1) % self.lanes.len();
                }
                Ok(Some(chunk))
            }
            Some(Err(error)) => Err(error),
            // Blocks are dealt out in turn: where one lane has none left, no lane has.
            None => {
                for Lane { chunks, thread } in self.lanes.drain(..) {
                    // Where one has panicked, another may still wait to send.
                    drop(chunks);
                    if let Err(error) = thread.await {
                        std::panic::resume_unwind(error.into_panic());
                    }
                }
                Ok(None)
            }
        }
    }
}

impl Lane {
    fn start(
        rows: &Rows,
        encoder: &Encoder,
        mut next_block: impl FnMut() -> u64 + Send + 'static,
    ) -> Self {
        let (sender, chunks) = channel(AHEAD);
        let (rows, encoder) = (rows.clone(), encoder.clone());
        let thread = spawn_blocking(move || {
            loop {
                let first = next_block().saturating_mul(BLOCK);
                if first >= rows.row_count() {
                    break;
                }
                let block = rows.rows(first..first + BLOCK);
                match encode_block(block, &encoder, &sender) {
                    Ok(true) => {}
                    // Nobody listens any more.
                    Ok(false) => break,
                    Err(error) => {
                        sender.blocking_send(Err(error)).ok();
                        break;
                    }
                }
            }
        });
        Lane { chunks, thread }
    }
}

/// Sends a block; `false` where nobody takes it.
fn encode_block(
    mut block: Rows,
    encoder: &Encoder,
    sender: &Sender<Result<Chunk, Unencodable>>,
) -> Result<bool, Unencodable> {
    loop {
        let mut buffer = Vec::with_capacity(CHUNK + CHUNK / 4);
        let mut rows = 0;
        while buffer.len() < CHUNK
            && let Some(row) = block.next()
        {
            encoder.encode_row(&row, &mut buffer)?;
            rows += 1;
        }
        let ends_block = block.size_hint().0 == 0;
        let chunk = Chunk {
            bytes: buffer.into(),
            rows,
            ends_block,
        };
        if sender.blocking_send(Ok(chunk)).is_err() {
            return Ok(false);
        }
        if ends_block {
            return Ok(true);
        }
    }
}
