//! What every reporter makes of a full record, of an empty one, and of one that is out to break it.

mod deadlock;
mod delta;
mod drawn;
mod html;
mod json;
mod prediction;
mod sample;
mod seed;
