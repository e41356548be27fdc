//! The body of a message, read from front to back: [`Body`].

use super::fields::NOT_HELD;

/// What is left of a message's body. `None` is a body that ends too early.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a>(pub(super) &'a [u8]);

impl<'a> Body<'a> {
    #[inline]
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    pub(super) fn word(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(super) fn long(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A text that ends in a zero byte, without it.
    pub(super) fn text(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Some(text)
    }

    /// A value after its length.
    #[inline]
    pub(super) fn value(&mut self) -> Option<Value<'a>> {
        match self.array().map(i32::from_be_bytes)? {
            -1 => Some(Value::Null),
            NOT_HELD => Some(Value::Long),
            length => Some(Value::Bytes(self.bytes(usize::try_from(length).ok()?)?)),
        }
    }
}

/// A value of a row, or a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Null,
    Bytes(&'a [u8]),
    /// It was too long to be held.
    Long,
}
