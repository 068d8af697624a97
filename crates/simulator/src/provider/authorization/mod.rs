//! What does Microsoft.Authorization answer: locks, role assignments, role definitions, a caller's own permissions?
//!
//! All of them extend another resource: the scope is whatever stands before the last `/providers/`, a subscription,
//! a group or any resource. What they mean for other requests is the gate's affair (`gate/`); here they are only
//! kept. It is of no region: it answers while any other is gone.

mod assignment;
mod definition;
mod lock;
mod scope;

use http::Method;
use serde_json::json;

pub(crate) use self::{
    assignment::{ASSIGNMENTS, effective},
    definition::{BuiltIn, built_in},
    lock::{LOCKS, Level, at, of, standing},
    scope::extended,
};
use super::{Context, Provider, Served};
use crate::{
    arm::{Answer, ArmRequest},
    gate,
    world::{Happening, World},
};

/// Recorded is 2016-09-01, specified 2020-05-01.
const LOCK_VERSIONS: &[&str] = &["2015-01-01", "2016-09-01", "2020-05-01"];
const ROLE_VERSIONS: &[&str] = &["2015-07-01", "2018-07-01", "2020-04-01-preview", "2022-04-01"];
const DEFINITION_VERSIONS: &[&str] = &["2015-07-01", "2018-07-01", "2022-04-01", "2022-05-01-preview"];

const DEFINITIONS: &str = "microsoft.authorization/roledefinitions";
const PERMISSIONS: &str = "microsoft.authorization/permissions";

/// The provider.
pub(crate) struct Authorization;

impl Provider for Authorization {
    fn serves(&self) -> &'static [Served] {
        &[
            Served {
                kind: LOCKS,
                versions: LOCK_VERSIONS,
            },
            Served {
                kind: ASSIGNMENTS,
                versions: ROLE_VERSIONS,
            },
            Served {
                kind: DEFINITIONS,
                versions: DEFINITION_VERSIONS,
            },
            Served {
                kind: PERMISSIONS,
                versions: DEFINITION_VERSIONS,
            },
        ]
    }

    fn answer(&self, context: &mut Context<'_>, request: &ArmRequest) -> Answer {
        let kind = request
            .path
            .collection()
            .filter(|_| request.method == Method::GET)
            .unwrap_or_else(|| request.path.kind());
        match kind.as_str() {
            LOCKS => lock::answer(context, request),
            ASSIGNMENTS => assignment::answer(context, request),
            DEFINITIONS => definition::answer(request),
            _ if request.method == Method::GET => {
                let held = gate::permissions(context, request);
                Answer::json(200, json!({"value": held}))
            }
            _ => refused(),
        }
    }

    fn region(&self, _: &World, _: &ArmRequest) -> Option<String> {
        None
    }

    fn happen(&self, context: &mut Context<'_>, happening: &Happening) {
        lock::happen(context, happening);
    }
}

/// Says that a verb is none of these.
pub(super) fn refused() -> Answer {
    Answer::gateway(405, "HttpMethodNotAllowed", "The verb is not supported.")
}
