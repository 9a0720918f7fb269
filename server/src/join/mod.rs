//! How students reach this machine: its addresses, the likeliest first. The
//! banner and the board show the same ones.

pub mod interfaces;
