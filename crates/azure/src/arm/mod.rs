//! The Azure Resource Manager as requests and answers in values, and the client that carries them.

pub mod client;
mod clock;
pub mod endpoint;
mod guard;
pub mod lro;
mod network;
pub mod path;
pub mod patience;
pub mod refusal;
pub mod reply;
pub mod request;
mod tenants;
pub mod transport;
mod wire;

pub use client::{Arm, ReadError};
pub use clock::SystemClock;
pub use endpoint::{Endpoint, EndpointError, PUBLIC_CLOUD};
pub(crate) use guard::folded_region;
pub use network::{NetworkError, NetworkSettings};
pub use path::{ArmPath, BadSegment};
pub use reply::{ArmError, Reply};
pub use request::{Method, Request};
pub(crate) use transport::SendRightLayer;
pub(crate) use wire::SendRight;
