//! The comparison procedure on recorded noise.

mod noise;
mod procedure;
mod recorded;
