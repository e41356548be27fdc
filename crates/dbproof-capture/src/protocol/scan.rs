//! A stream of bytes as the messages of PostgreSQL's protocol: [`Scanner`].
//!
//! What it finds never depends on how the bytes were cut. A message that lies whole within one cut is
//! read where it lies; of others as much is held as is needed, and no message is held for its length.

use super::fields::{Fields, Layout};
use super::not_read::{NotRead, Side};

/// What of a message is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// That it passed.
    Nothing,
    /// Its first bytes, this many at most.
    Head(usize),
    /// All of its bytes as they come, and together those of values of up to so many bytes.
    Fields(Layout, usize),
}

/// A message without its type and length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    pub(super) tag: u8,
    /// Its body, as much of it as was needed.
    pub(super) head: &'a [u8],
    /// How many bytes its body has.
    pub(super) length: usize,
}

impl Message<'_> {
    pub(super) fn is_whole(&self) -> bool {
        self.head.len() == self.length
    }
}

/// What is told of the messages of one direction.
pub(super) trait Messages {
    /// What is needed of a message of this type, whose body has this many bytes.
    fn need(&self, tag: u8, length: usize) -> Result<Need, NotRead>;

    /// Bytes of the body of a message of fields.
    fn piece(&mut self, tag: u8, bytes: &[u8]) -> Result<(), NotRead>;

    /// A message has passed.
    fn message(&mut self, message: Message<'_>) -> Result<(), NotRead>;
}

/// The type of the StartupMessage, which has none.
pub(super) const STARTUP: u8 = 0;

/// Buffers that grew beyond this are given back once their message has passed.
const KEPT_CAPACITY: usize = 64 << 10;

/// Cuts the bytes of one direction into messages.
#[derive(Debug)]
pub(super) struct Scanner {
    side: Side,
    /// The next message is the StartupMessage.
    untagged: bool,
    header: [u8; 5],
    header_length: usize,
    partial: Option<Partial>,
    fields: Option<Fields>,
    held: Vec<u8>,
}

/// A message of which some bytes are still to come.
#[derive(Debug, Clone, Copy)]
struct Partial {
    tag: u8,
    length: usize,
    left: usize,
    need: Need,
}

impl Scanner {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            untagged: side == Side::Client,
            header: [0; 5],
            header_length: 0,
            partial: None,
            fields: None,
            held: Vec::new(),
        }
    }

    /// How many bytes are held of messages that have not yet passed.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.capacity()
    }

    /// Forgets what is held; nothing more is going to be scanned.
    pub(super) fn release(&mut self) {
        self.held = Vec::new();
        self.fields = None;
    }

    /// Takes the next bytes of the stream.
    pub(super) fn scan(&mut self, mut bytes: &[u8], to: &mut impl Messages) -> Result<(), NotRead> {
        while !bytes.is_empty() {
            bytes = match self.partial.take() {
                Some(partial) => self.go_on(partial, bytes, to)?,
                None => self.begin(bytes, to)?,
            };
        }
        Ok(())
    }

    /// Takes a header, and the message if it is all there.
    #[inline]
    fn begin<'a>(&mut self, bytes: &'a [u8], to: &mut impl Messages) -> Result<&'a [u8], NotRead> {
        let size = if self.untagged { 4 } else { 5 };
        let (header, rest) = if self.header_length == 0 && bytes.len() >= size {
            bytes.split_at(size)
        } else {
            let taken = (size - self.header_length).min(bytes.len());
            let end = self.header_length + taken;
            self.header[self.header_length..end].copy_from_slice(&bytes[..taken]);
            self.header_length = end;
            if end < size {
                return Ok(&bytes[taken..]);
            }
            self.header_length = 0;
            (&self.header[..size], &bytes[taken..])
        };
        let (tag, length) = match *header {
            [a, b, c, d] => (STARTUP, [a, b, c, d]),
            [tag, a, b, c, d] => (tag, [a, b, c, d]),
            _ => unreachable!("a header has four or five bytes"),
        };
        self.untagged = false;
        let said = i32::from_be_bytes(length);
        let length = usize::try_from(said.saturating_sub(4))
            .map_err(|_| NotRead::Length(self.side, tag, said.into()))?;
        let need = to.need(tag, length)?;
        if rest.len() >= length {
            let (body, rest) = rest.split_at(length);
            let head = match need {
                Need::Nothing => &[],
                Need::Head(most) => &body[..most.min(length)],
                Need::Fields(..) => {
                    to.piece(tag, body)?;
                    body
                }
            };
            to.message(Message { tag, head, length })?;
            return Ok(rest);
        }
        if let Need::Fields(layout, longest) = need {
            self.fields = Some(Fields::new(layout, longest, std::mem::take(&mut self.held)));
        }
        self.partial = Some(Partial {
            tag,
            length,
            left: length,
            need,
        });
        Ok(rest)
    }

    fn go_on<'a>(
        &mut self,
        mut partial: Partial,
        bytes: &'a [u8],
        to: &mut impl Messages,
    ) -> Result<&'a [u8], NotRead> {
        let (piece, rest) = bytes.split_at(partial.left.min(bytes.len()));
        partial.left -= piece.len();
        match (partial.need, &mut self.fields) {
            (Need::Fields(..), Some(fields)) => {
                to.piece(partial.tag, piece)?;
                fields.take(piece);
            }
            (Need::Head(most), _) => {
                let room = most.min(partial.length) - self.held.len();
                self.held.extend_from_slice(&piece[..room.min(piece.len())]);
            }
            _ => {}
        }
        if partial.left > 0 {
            self.partial = Some(partial);
            return Ok(rest);
        }
        to.message(Message {
            tag: partial.tag,
            head: self
                .fields
                .as_ref()
                .map_or(&self.held, |fields| fields.held()),
            length: partial.length,
        })?;
        if let Some(fields) = self.fields.take() {
            self.held = fields.into_buffer();
        }
        self.held.clear();
        self.held.shrink_to(KEPT_CAPACITY);
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::body::{Body, Value};

    /// Writes down what it is told.
    #[derive(Debug, Default, PartialEq)]
    struct Seen {
        messages: Vec<(u8, Vec<u8>, usize)>,
        streamed: Vec<u8>,
        error: Option<NotRead>,
    }

    impl Messages for Seen {
        fn need(&self, tag: u8, length: usize) -> Result<Need, NotRead> {
            match tag {
                b'!' => Err(NotRead::UnknownMessage(Side::Client, tag)),
                b'd' => Ok(Need::Nothing),
                b'D' => Ok(Need::Fields(Layout::Row, 3)),
                b'C' => Ok(Need::Head(3)),
                _ => Ok(Need::Head(length)),
            }
        }

        fn piece(&mut self, _: u8, bytes: &[u8]) -> Result<(), NotRead> {
            self.streamed.extend_from_slice(bytes);
            Ok(())
        }

        fn message(&mut self, message: Message<'_>) -> Result<(), NotRead> {
            let Message { tag, head, length } = message;
            let head = match tag {
                b'D' => values(head),
                _ => head.to_vec(),
            };
            self.messages.push((tag, head, length));
            Ok(())
        }
    }

    /// The values of a row that are no longer than what is held.
    fn values(head: &[u8]) -> Vec<u8> {
        let mut body = Body(head);
        let mut values = Vec::new();
        for _ in 0..body.word().unwrap_or(0) {
            match body.value() {
                Some(Value::Bytes(value)) if value.len() <= 3 => {
                    values.push(0);
                    values.extend_from_slice(value);
                }
                Some(Value::Null) => values.push(1),
                Some(_) => values.push(2),
                None => {
                    values.push(3);
                    break;
                }
            }
        }
        values
    }

    fn scan(stream: &[u8], cuts: &[usize]) -> Seen {
        let mut scanner = Scanner::new(Side::Client);
        let mut seen = Seen::default();
        let mut rest = stream;
        let mut cuts = cuts.iter().cycle();
        while !rest.is_empty() && seen.error.is_none() {
            let cut = cuts.next().map_or(rest.len(), |cut| (*cut).min(rest.len()));
            let (now, later) = rest.split_at(cut);
            rest = later;
            seen.error = scanner.scan(now, &mut seen).err();
        }
        seen
    }

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        let tag = Some(tag).filter(|tag| *tag != STARTUP);
        tag.into_iter()
            .chain(length)
            .chain(body.iter().copied())
            .collect()
    }

    /// Small numbers for the most part, which may be the lengths of values.
    fn body() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop_oneof![3 => 0..6_u8, 1 => any::<u8>()], 0..30)
    }

    proptest! {
        #[test]
        fn cuts_mean_nothing(
            messages in prop::collection::vec(
                (prop::sample::select(b"dDCQS!".to_vec()), body()),
                0..12,
            ),
            cuts in prop::collection::vec(1..9_usize, 1..20),
        ) {
            let mut stream = message(STARTUP, b"\0\x03\0\0\0");
            for (tag, body) in &messages {
                stream.extend(message(*tag, body));
            }
            let whole = scan(&stream, &[]);
            prop_assert_eq!(&whole, &scan(&stream, &cuts));
            prop_assert_eq!(&whole, &scan(&stream, &[1]));
        }

        #[test]
        fn any_bytes_are_scanned(stream: Vec<u8>, cuts in prop::collection::vec(1..9_usize, 1..9)) {
            prop_assert_eq!(scan(&stream, &[]), scan(&stream, &cuts));
        }
    }

    #[test]
    fn a_message_of_two_gigabytes_is_not_held() {
        let mut scanner = Scanner::new(Side::Server);
        let mut seen = Seen::default();
        let piece = vec![7; 1 << 20];
        let length = i32::MAX - 4;
        for tag in [b'd', b'C'] {
            scanner.scan(&[tag], &mut seen).unwrap();
            scanner.scan(&i32::MAX.to_be_bytes(), &mut seen).unwrap();
            let mut left = usize::try_from(length).unwrap();
            while left > 0 {
                let now = left.min(piece.len());
                scanner.scan(&piece[..now], &mut seen).unwrap();
                left -= now;
                assert!(scanner.held() <= 16);
            }
        }
        assert_eq!(seen.messages.len(), 2);
        assert_eq!(seen.messages[1].1, [7; 3]);
    }

    #[test]
    fn impossible_lengths_are_told() {
        for said in [3, 0, -1, i32::MIN] {
            let mut stream = message(STARTUP, b"");
            stream.push(b'Q');
            stream.extend(said.to_be_bytes());
            let expected = NotRead::Length(Side::Client, b'Q', said.into());
            assert_eq!(scan(&stream, &[]).error, Some(expected));
        }
    }
}
