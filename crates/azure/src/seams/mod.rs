//! What else do drivers touch, beside ARM? The public side of the world, clusters, and commands here.

mod cluster;
mod clusters;
mod command;
mod direct;
mod forward;
mod local;
mod public;

pub use cluster::{ClusterAccess, ClusterRequest, ClusterWire, PretendedClusters};
pub use clusters::Clusters;
pub use command::{CommandLine, CommandOutcome, CommandRunner};
pub use direct::Direct;
pub use forward::Forward;
pub use local::LocalCommands;
pub use public::{Bearer, Bytes, Line, PublicError, PublicReply, PublicRequest, PublicWire};
