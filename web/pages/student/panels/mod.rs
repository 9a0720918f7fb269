//! What the side panels show of the model, worked out when they are looked at: a
//! panel keeps no history of its own.

pub mod contacts;
pub mod python;
pub mod sequence;
