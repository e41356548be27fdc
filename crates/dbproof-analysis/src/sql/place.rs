//! Lines and columns of a text: [`Lines`].

/// Where the lines of a text begin.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// The lines of a text.
    pub(crate) fn of(text: &'a str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    /// The line of the byte at `offset`, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> u32 {
        let line = self.starts.partition_point(|start| *start <= offset);
        u32::try_from(line).unwrap_or(u32::MAX)
    }

    /// The column of the byte at `offset`, in characters, counted from 1.
    pub(crate) fn column(&self, offset: usize) -> u32 {
        let before = &self.text[self.start_of_line(offset)..offset];
        u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX)
    }

    /// Whether only blanks stand before `offset` on its line.
    pub(crate) fn is_first_on_line(&self, offset: usize) -> bool {
        self.text[self.start_of_line(offset)..offset]
            .trim()
            .is_empty()
    }

    fn start_of_line(&self, offset: usize) -> usize {
        self.starts[self.starts.partition_point(|start| *start <= offset) - 1]
    }
}
