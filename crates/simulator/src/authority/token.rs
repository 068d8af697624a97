//! What is in a token, and which ones does ARM take?
//!
//! A token has the shape of a JWT. Its signature is drawn from the seed, so that nothing has to be kept: whoever
//! knows the seed can tell whether the authority gave it out.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::discovery::AUDIENCE;
use crate::{provider::Context, world::Directory};

/// Why ARM refuses a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The authority never gave it out.
    #[error("The access token is invalid.")]
    Invalid,
    /// It has had its time.
    #[error("The access token expiry UTC time '{expiry}' is earlier than current UTC time '{now}'.")]
    Expired {
        /// When it ended.
        expiry: Timestamp,
        /// When it was shown.
        now: Timestamp,
    },
    /// It is for somebody else.
    #[error("The access token has been obtained for wrong audience or resource '{0}'.")]
    Audience(String),
}

impl Refused {
    /// Returns ARM's code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Refused::Invalid => "InvalidAuthenticationToken",
            Refused::Expired { .. } => "ExpiredAuthenticationToken",
            Refused::Audience(_) => "InvalidAuthenticationTokenAudience",
        }
    }
}

/// Makes a token.
pub(super) fn issue(context: &Context<'_>, directory: &Directory, client: &str, audience: &str) -> String {
    // A lifetime is told in the holder's seconds; the world may run faster.
    let lasts = i64::from(directory.token_lifetime).saturating_mul(i64::from(context.speed));
    let now = context.now.as_second();
    let header = json!({"typ": "JWT", "alg": "RS256", "kid": context.seed.letters("authority/key", 27)});
    let object = object(context, client);
    let claims = json!({
        "aud": audience,
        "iss": format!("{}/{}/", context.base, directory.tenant),
        "iat": now,
        "nbf": now,
        "exp": now.saturating_add(lasts),
        "appid": client,
        "appidacr": "1",
        "idtyp": "app",
        "oid": object,
        "sub": object,
        "tid": directory.tenant,
        "uti": context.seed.letters(&format!("{}/token", context.key), 22),
        "ver": "1.0",
    });
    let signed = format!("{}.{}", encoded(&header), encoded(&claims));
    let signature = signature(context, &signed);
    format!("{signed}.{signature}")
}

/// Returns the object id of an application's service principal.
pub(crate) fn object(context: &Context<'_>, client: &str) -> String {
    context.seed.guid(&format!("authority/{client}")).to_string()
}

/// Judges a token that is shown to ARM.
pub(crate) fn judge(context: &Context<'_>, token: &str) -> Result<(), Refused> {
    let (signed, shown) = token.rsplit_once('.').ok_or(Refused::Invalid)?;
    if shown != signature(context, signed) {
        return Err(Refused::Invalid);
    }
    let claims = part(token, 1).ok_or(Refused::Invalid)?;
    let expiry = claims["exp"]
        .as_i64()
        .and_then(|second| Timestamp::from_second(second).ok())
        .ok_or(Refused::Invalid)?;
    if expiry <= context.now {
        return Err(Refused::Expired {
            expiry,
            now: context.now,
        });
    }
    let audience = claims["aud"].as_str().unwrap_or_default();
    let bare = audience.trim_end_matches('/');
    let own = [AUDIENCE, "https://management.azure.com/", &context.base];
    match own
        .iter()
        .any(|own| own.trim_end_matches('/').eq_ignore_ascii_case(bare))
    {
        true => Ok(()),
        false => Err(Refused::Audience(audience.to_owned())),
    }
}

/// Returns a part of something that has the shape of a JWT: its header (0) or its claims (1).
pub(crate) fn part(token: &str, place: usize) -> Option<Value> {
    let parts: Vec<&str> = token.split('.').collect();
    if parts.len() != 3 || parts[2].is_empty() {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(parts.get(place)?).ok()?;
    serde_json::from_slice::<Value>(&bytes)
        .ok()
        .filter(Value::is_object)
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn signature(context: &Context<'_>, signed: &str) -> String {
    context
        .seed
        .letters(&format!("authority/signature/{signed}"), 342)
}
