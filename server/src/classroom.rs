//! A class.

pub(crate) mod presence;
