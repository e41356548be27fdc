//! Messages of values, held without those that are too long to be of use: [`Fields`].

/// What stands before and behind the values of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// DataRow: nothing.
    Row,
    /// Bind: two names and format codes before, format codes behind.
    Bind,
}

/// Stands for the length of a value that is not held.
pub(super) const NOT_HELD: i32 = -2;

/// Names longer than this, in bytes, are not read.
pub(super) const LONGEST_NAME: usize = 64 << 10;
/// Format codes, one for each of 65,535 columns, with their number; and a byte, to tell that there is
/// more.
const LONGEST_CODES: usize = 2 + 2 * 65_535 + 1;
/// What is held of one message at most. A value is held as long as this is not reached.
const MOST_HELD: usize = 16 << 20;

/// Takes the body of a message piece by piece, and holds it without long values.
#[derive(Debug)]
pub(super) struct Fields {
    step: Step,
    /// Bytes that are still to be held before the next step.
    wanted: usize,
    /// Bytes that are still to be left out before the next step.
    skipped: usize,
    /// Values that are still to come.
    values: u16,
    /// Where the last piece that was wanted begins.
    begin: usize,
    longest: usize,
    bind: bool,
    held: Vec<u8>,
}

/// What is being taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// So many names.
    Names(u8),
    CodeCount,
    Codes,
    ValueCount,
    Length,
    Value,
    /// All values are taken.
    Rest,
    /// The message is not what it should be.
    Broken,
}

impl Fields {
    /// Values of up to `longest` bytes are held, in a buffer that was used before.
    pub(super) fn new(layout: Layout, longest: usize, mut held: Vec<u8>) -> Self {
        held.clear();
        let (step, wanted) = match layout {
            Layout::Row => (Step::ValueCount, 2),
            Layout::Bind => (Step::Names(2), 0),
        };
        Self {
            step,
            wanted,
            skipped: 0,
            values: 0,
            begin: 0,
            longest,
            bind: layout == Layout::Bind,
            held,
        }
    }

    /// Takes the next bytes of the body.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        loop {
            bytes = match self.step {
                Step::Broken => return,
                Step::Names(left) => match self.name(bytes) {
                    Some(rest) => {
                        self.next_name(left);
                        rest
                    }
                    None => return,
                },
                Step::Rest => {
                    let room = (self.begin + LONGEST_CODES).saturating_sub(self.held.len());
                    let taken = if self.bind { room.min(bytes.len()) } else { 0 };
                    self.held.extend_from_slice(&bytes[..taken]);
                    return;
                }
                _ => {
                    let taken = self.wanted.min(bytes.len());
                    self.held.extend_from_slice(&bytes[..taken]);
                    self.wanted -= taken;
                    let skipped = self.skipped.min(bytes.len() - taken);
                    self.skipped -= skipped;
                    if self.wanted + self.skipped > 0 {
                        return;
                    }
                    self.next();
                    &bytes[taken + skipped..]
                }
            };
        }
    }

    /// What is held, once the message has passed. One that ends too early does so here, too.
    pub(super) fn held(&self) -> &[u8] {
        match self.skipped {
            0 => &self.held,
            _ => &self.held[..self.begin - 4],
        }
    }

    /// The buffer, to be used again.
    pub(super) fn into_buffer(self) -> Vec<u8> {
        self.held
    }

    /// Takes what there is of a name; what follows it, if its end is there.
    fn name<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let end = bytes.iter().position(|byte| *byte == 0);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        if self.held.len() - self.begin + taken > LONGEST_NAME + 1 {
            self.step = Step::Broken;
            return None;
        }
        self.held.extend_from_slice(&bytes[..taken]);
        end.map(|_| &bytes[taken..])
    }

    fn next_name(&mut self, left: u8) {
        match left {
            1 => self.want(Step::CodeCount, 2),
            _ => self.want(Step::Names(left - 1), 0),
        }
    }

    fn want(&mut self, step: Step, count: usize) {
        (self.step, self.wanted, self.begin) = (step, count, self.held.len());
    }

    /// What was wanted is there.
    fn next(&mut self) {
        let word = |at: usize| match self.held.get(at..) {
            Some([a, b]) => u16::from_be_bytes([*a, *b]),
            _ => 0,
        };
        match self.step {
            Step::CodeCount => self.want(Step::Codes, 2 * usize::from(word(self.begin))),
            Step::Codes => self.want(Step::ValueCount, 2),
            Step::ValueCount => {
                self.values = word(self.begin);
                self.next_value();
            }
            Step::Length => self.length(),
            Step::Value => self.next_value(),
            Step::Names(_) | Step::Rest | Step::Broken => {}
        }
    }

    fn next_value(&mut self) {
        match self.values.checked_sub(1) {
            Some(left) => {
                self.values = left;
                self.want(Step::Length, 4);
            }
            None => self.want(Step::Rest, 0),
        }
    }

    fn length(&mut self) {
        let length = self.held[self.begin..].first_chunk().copied();
        match usize::try_from(length.map_or(-1, i32::from_be_bytes)) {
            Err(_) => self.next_value(),
            Ok(length) if length <= self.longest && self.held.len() + length <= MOST_HELD => {
                self.want(Step::Value, length);
            }
            Ok(length) => {
                self.held.truncate(self.begin);
                self.held.extend_from_slice(&NOT_HELD.to_be_bytes());
                self.skipped = length;
                self.want(Step::Value, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(layout: Layout, body: &[u8], cut: usize) -> Vec<u8> {
        let mut fields = Fields::new(layout, 3, vec![9]);
        body.chunks(cut).for_each(|piece| fields.take(piece));
        fields.held().to_vec()
    }

    #[track_caller]
    fn check(layout: Layout, body: &[u8], expected: &[u8]) {
        for cut in 1..=body.len() {
            assert_eq!(held(layout, body, cut), expected, "in pieces of {cut}");
        }
    }

    #[test]
    fn long_values_are_left_out() {
        let values = b"\0\x04\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\x04long\0\0\0\0";
        let short = b"\0\x04\0\0\0\x02ab\xff\xff\xff\xff\xff\xff\xff\xfe\0\0\0\0";
        check(Layout::Row, values, short);
        let around = |values: &[u8]| [b"p\0s\0\0\x02\0\0\0\x01", values, b"\0\x01\0\x01"].concat();
        check(Layout::Bind, &around(values), &around(short));
        check(Layout::Row, b"\0\0", b"\0\0");
        check(Layout::Bind, b"\0\0\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0");
    }

    #[test]
    fn what_ends_too_early_still_does() {
        for body in [&b"\0\x02\0\0\0\0"[..], b"\0\x01\0\0\0\x02x", b"\0"] {
            check(Layout::Row, body, body);
        }
        check(Layout::Row, b"\0\x01\0\0\0\x04lon", b"\0\x01");
        for body in [&b"p\0s"[..], b"p\0s\0\0\x02\0\0"] {
            check(Layout::Bind, body, body);
        }
    }

    #[test]
    fn no_message_is_held_whole_for_its_length() {
        let piece = vec![b'x'; 1 << 20];
        let mut name = Fields::new(Layout::Bind, 256, Vec::new());
        let mut value = Fields::new(Layout::Row, 256, Vec::new());
        let mut rest = Fields::new(Layout::Bind, 256, Vec::new());
        value.take(b"\0\x01\x7f\xff\xff\xff");
        rest.take(b"\0\0\0\0\0\0");
        for _ in 0..100 {
            for fields in [&mut name, &mut value, &mut rest] {
                fields.take(&piece);
                assert!(fields.held.capacity() < 1 << 20);
            }
        }
        let mut many = Fields::new(Layout::Row, 1 << 20, Vec::new());
        many.take(b"\xff\xff");
        for _ in 0..100 {
            many.take(&(1_i32 << 20).to_be_bytes());
            many.take(&piece);
            assert!(many.held.len() <= MOST_HELD + 400);
        }
    }
}
