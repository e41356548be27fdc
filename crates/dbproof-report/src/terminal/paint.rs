//! Colours for tones.

use owo_colors::OwoColorize;

use crate::document::Tone;

/// The text in the colour of its tone, if colours are wanted.
pub(super) fn paint(text: &str, tone: Tone, color: bool) -> String {
    match tone {
        _ if !color || text.is_empty() => text.to_owned(),
        Tone::Plain => text.to_owned(),
        Tone::Good => text.green().bold().to_string(),
        Tone::Bad => text.red().bold().to_string(),
        Tone::Doubt => text.yellow().bold().to_string(),
        Tone::Muted => text.dimmed().to_string(),
    }
}
