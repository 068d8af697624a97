//! A pretend Azure that speaks the real protocol.
//!
//! It knows regions and their outages, resource groups, tokens, api-versions, each provider's own style of
//! long-running operation, and faults; it is built from what Azure was seen and is documented to do, and knows
//! nothing of whoever talks to it. Time is virtual, chance comes from a seed: the same seed and the same requests
//! give the same bytes.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! use leeward_simulator::{Blueprint, Settings, Simulator, World};
//!
//! let blueprint: Blueprint = serde_json::from_value(serde_json::json!({
//!     "subscription": "11111111-2222-3333-4444-555555555555",
//!     "regions": { "primary": "westeurope", "paired": "northeurope" },
//!     "resources": [{
//!         "kind": "sql-failover-group",
//!         "name": "fog-platform",
//!         "primary": { "resource-group": "rg-platform-weu" },
//!         "paired": { "resource-group": "rg-platform-neu" },
//!     }],
//! })).unwrap();
//! let simulator = Simulator::new(World::derive(&blueprint).unwrap(), Settings::seeded(7));
//!
//! let request = http::Request::post(
//!     "https://management.azure.com/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/\
//!      rg-platform-neu/providers/Microsoft.Sql/locations/northeurope/instanceFailoverGroups/fog-platform/\
//!      failover?api-version=2025-01-01",
//! )
//! .header("authorization", "Bearer pretend")
//! .body(bytes::Bytes::new())
//! .unwrap();
//! let answer = simulator.handle(request).await.answer().unwrap();
//! assert_eq!(answer.status(), 202);
//! # });
//! ```
//!
//! Over HTTP it is [`serve`]d and over HTTPS [`serve_tls`]d, with its control side under `/_simulator/`. A world that
//! has a [`Directory`](world::Directory) has a pretend authority for tokens at the same address.

pub mod arm;
mod authority;
mod clock;
mod control;
mod data_plane;
pub mod draw;
mod exchange;
mod fault;
mod gate;
mod log;
mod outcome;
pub mod provider;
mod serve;
mod settings;
mod settle;
mod shape;
mod simulator;
mod throttle;
mod tls;
pub mod world;
mod yaml;

pub use self::{
    data_plane::Hook,
    exchange::{Exchange, LiveRequest, LiveResponse},
    fault::{By, Match, Rule, Verdict, rules},
    log::{Entry, Told},
    outcome::{Broken, Outcome},
    provider::{dns::Resolved, sql::SqlSession},
    serve::serve,
    settings::Settings,
    simulator::Simulator,
    throttle::Throttles,
    tls::{Identity, TlsError, serve_tls},
    world::{Blueprint, World, WorldError},
};
