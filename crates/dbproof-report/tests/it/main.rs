//! What every reporter makes of a full record, of an empty one, and of one that is out to break it.

mod ci;
mod deadlock;
mod delta;
mod drawn;
mod history;
mod html;
mod json;
mod prediction;
mod prometheus;
mod sample;
mod seed;
mod xsd;
