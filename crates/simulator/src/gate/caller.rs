//! Who asks?

use crate::{arm::ArmRequest, authority, provider::Context};

/// Whoever holds a token that tells nothing. It is the application that the pretend authority knows by default.
const NOBODY_IN_PARTICULAR: &str = "00000000-0000-4000-8000-00000000c11e";

/// A caller, as its token tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    /// What refusals call it: the application.
    pub(crate) client: String,
    /// Its object id: what roles are assigned to.
    pub(crate) object: String,
}

impl Caller {
    /// Returns whether a name means this caller.
    pub(super) fn is(&self, name: &str) -> bool {
        name == "*" || name.eq_ignore_ascii_case(&self.client) || name.eq_ignore_ascii_case(&self.object)
    }
}

/// Returns who asks. A token that is no JWT tells nothing, and is told nobody.
pub(crate) fn caller(context: &Context<'_>, request: &ArmRequest) -> Caller {
    let token = request
        .header("authorization")
        .and_then(|header| header.split_once(' '))
        .map(|(_, token)| token.trim())
        .unwrap_or_default();
    let claims = authority::part(token, 1).unwrap_or_default();
    let claim = |name: &str| {
        claims[name]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let client = claim("appid").or_else(|| claim("upn")).or_else(|| claim("oid"));
    let client = client.unwrap_or_else(|| NOBODY_IN_PARTICULAR.to_owned());
    let object = claim("oid").unwrap_or_else(|| authority::object(context, &client));
    Caller { client, object }
}
