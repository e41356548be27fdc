//! Finds the end of an answer without decoding it: [`AnswerScanner`].

/// Bytes of a message's header: its type, and its length counted from the length field on.
const HEADER: usize = 5;

/// Counts the rows of an answer and notices its error and its end, whatever pieces it comes in.
///
/// It allocates only when the server reports an error.
#[derive(Debug, Default)]
pub(super) struct AnswerScanner {
    header: [u8; HEADER],
    header_length: usize,
    /// Bytes of the current message's body that are still to come.
    body_left: usize,
    rows: u64,
    error: Option<Vec<u8>>,
    in_first_error: bool,
    complete: bool,
}

impl AnswerScanner {
    /// Takes the next piece of the answer.
    pub(super) fn scan(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.complete {
            if self.header_length < HEADER {
                let take = (HEADER - self.header_length).min(bytes.len());
                self.header[self.header_length..self.header_length + take]
                    .copy_from_slice(&bytes[..take]);
                self.header_length += take;
                bytes = &bytes[take..];
                if self.header_length < HEADER {
                    return;
                }
                self.begin_message();
            }
            let take = self.body_left.min(bytes.len());
            if self.in_first_error
                && let Some(error) = &mut self.error
            {
                error.extend_from_slice(&bytes[..take]);
            }
            self.body_left -= take;
            bytes = &bytes[take..];
            if self.body_left == 0 {
                self.end_message();
            }
        }
    }

    fn begin_message(&mut self) {
        let [kind, length @ ..] = self.header;
        self.body_left = (u32::from_be_bytes(length) as usize).saturating_sub(4);
        match kind {
            b'D' => self.rows += 1,
            b'E' if self.error.is_none() => {
                self.error = Some(Vec::with_capacity(self.body_left.min(64 * 1024)));
                self.in_first_error = true;
            }
            _ => {}
        }
    }

    fn end_message(&mut self) {
        self.complete = self.header[0] == b'Z';
        self.header_length = 0;
        self.in_first_error = false;
    }

    /// Whether ReadyForQuery has come.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// The number of rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The body of the first ErrorResponse, if there was one.
    pub(super) fn error_body(&self) -> Option<&[u8]> {
        self.error.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind][..], &length.to_be_bytes(), body].concat()
    }

    #[test]
    fn the_result_does_not_depend_on_how_the_bytes_are_split() {
        let answer = [
            message(b'2', b""),
            message(b'D', b"first row"),
            message(b'D', b""),
            message(b'E', b"SERROR\0C22012\0Mdivision by zero\0\0"),
            message(b'E', b"a second error"),
            message(b'Z', b"I"),
        ]
        .concat();
        for size in 1..=answer.len() {
            let mut scanner = AnswerScanner::default();
            for piece in answer.chunks(size) {
                assert!(!scanner.is_complete());
                scanner.scan(piece);
            }
            assert!(scanner.is_complete(), "pieces of {size}");
            assert_eq!(scanner.rows(), 2);
            let expected = b"SERROR\0C22012\0Mdivision by zero\0\0".as_slice();
            assert_eq!(scanner.error_body(), Some(expected));
        }
    }

    #[test]
    fn an_answer_without_its_end_is_not_complete() {
        let mut scanner = AnswerScanner::default();
        scanner.scan(&message(b'D', b"row"));
        scanner.scan(&message(b'C', b"SELECT 1\0"));
        assert!(!scanner.is_complete());
        assert_eq!(scanner.error_body(), None);
    }
}
