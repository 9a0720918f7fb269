//! The options of serving many classes, besides where they are.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::Args;

use super::values;
use crate::config::{RoomLimits, UnusedRooms};

/// The longest time to go on after the signal to stop: balancers look every few seconds.
const LONGEST_DRAIN: Duration = Duration::from_secs(10 * 60);

/// The longest time that is taken, ten years: a longer one is most likely a slip.
const MOST_DAYS: i64 = 3_650;

/// How to serve many classes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Many classes")]
pub struct ManyClasses {
    /// The balancers of --trust-proxy begin each raw TCP connection with a header of the PROXY
    /// protocol, version 1 or 2, which says from where the client comes.
    #[arg(
        long, value_parser = values::switch, env = "TCP_CLASSROOM_PROXY_PROTOCOL",
        requires = "trust_proxy"
    )]
    pub proxy_protocol: bool,

    /// How long to go on serving after the signal to stop, while /healthz says 503 and the
    /// balancer sends new clients elsewhere.
    #[arg(
        long, value_name = "TIME", default_value = "0s",
        value_parser = values::time(Duration::ZERO..=LONGEST_DRAIN), env = "TCP_CLASSROOM_DRAIN"
    )]
    pub drain: Duration,

    /// The most conversations of one class on this server, so that no class takes the places
    /// of all.
    #[arg(
        long, value_name = "N", default_value_t = RoomLimits::default().connections,
        value_parser = values::number(1..=1_000_000), env = "TCP_CLASSROOM_MAX_PER_CLASS"
    )]
    pub max_per_class: usize,

    /// Archive classes that were not used for so many days; their contacts stay, and
    /// `room archive --reopen` opens them again. 0 for never.
    #[arg(
        long, value_name = "DAYS", default_value_t = UnusedRooms::ARCHIVE_AFTER,
        value_parser = clap::value_parser!(u32).range(0..=MOST_DAYS),
        env = "TCP_CLASSROOM_ARCHIVE_UNUSED"
    )]
    pub archive_unused: u32,

    /// Delete classes with their contacts that have been archived for so many days. 0 for
    /// never.
    #[arg(
        long, value_name = "DAYS", default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(0..=MOST_DAYS),
        env = "TCP_CLASSROOM_DELETE_ARCHIVED"
    )]
    pub delete_archived: u32,
}

impl ManyClasses {
    pub(super) fn limits(&self) -> RoomLimits {
        RoomLimits {
            connections: self.max_per_class,
            unused: UnusedRooms {
                archive_after: NonZeroU32::new(self.archive_unused),
                delete_after: NonZeroU32::new(self.delete_archived),
            },
            drain: self.drain,
        }
    }
}
