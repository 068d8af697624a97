//! What does the pretend authority answer: who it is, and for a token?
//!
//! It lives at the same address as ARM, in a world that has a [`Directory`]. Its routes, fields and `AADSTS` codes
//! are those that Microsoft publishes for Entra; nothing of it is recorded, so all of it is an inference but for
//! what the vendor's own clients insist on. Signatures are not checked: the point is what a client sends and what
//! it makes of the answer, and nothing here guards anything.
//!
//! | route | for |
//! |---|---|
//! | `GET /metadata/endpoints` | a client that is told only where ARM is |
//! | `GET /common/discovery/instance` | a client that asks whether this authority is a true one |
//! | `GET /{tenant}/v2.0/.well-known/openid-configuration` | where tokens are given out |
//! | `POST /{tenant}/oauth2/v2.0/token` | a token for a secret or an assertion |
//! | `GET /msi/token` | a token for a managed identity |

mod discovery;
mod grant;
mod token;

use http::Method;

pub(crate) use self::token::{judge, object, part};
use crate::{
    arm::{Answer, ArmRequest},
    provider::Context,
    world::Directory,
};

/// Answers what is the authority's; nothing where the request is ARM's.
pub(crate) fn answer(context: &Context<'_>, request: &ArmRequest) -> Option<Answer> {
    let directory = context.world.directory.as_ref()?;
    let path = request.path.raw.to_lowercase();
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let get = request.method == Method::GET;
    let answer = match segments.as_slice() {
        ["metadata", "endpoints"] if get => {
            discovery::metadata(directory, &request.base, &request.api_version())
        }
        ["common", "discovery", "instance"] if get => discovery::instance(directory, request),
        [tenant, "v2.0", ".well-known", "openid-configuration"] if get => match known(directory, tenant) {
            true => discovery::openid(directory, &request.base),
            false => grant::no_tenant(context, tenant),
        },
        [tenant, "oauth2", "v2.0", "token"] if request.method == Method::POST => {
            match known(directory, tenant) {
                true => grant::token(context, directory, request),
                false => grant::no_tenant(context, tenant),
            }
        }
        ["msi", "token"] if get => grant::managed(context, directory, request),
        _ => return None,
    };
    Some(answer)
}

/// Returns whether a tenant is the one there is. An application signs in at its own tenant, never at a common one.
fn known(directory: &Directory, tenant: &str) -> bool {
    directory.tenant.eq_ignore_ascii_case(tenant) || matches!(tenant, "organizations" | "common")
}
