//! Which token is good now? One is replaced before its end, and kept in use while the authority is silent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use azure_core::credentials::TokenCredential;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use super::{Credential, CredentialError, source};

/// How long before its end a token is replaced.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);
/// With less than this left a token is not used any more.
const LEAST: SignedDuration = SignedDuration::from_secs(30);
/// How long a token is waited for.
const WAIT: Duration = Duration::from_secs(30);
/// How long a new one is waited for while the old one is still good.
const BRIEF: Duration = Duration::from_secs(10);
/// What the simulator is shown in place of a token. It is no secret.
const SIMULATOR_TOKEN: &str = "leeward-simulator";

/// The tokens that a credential gave, by scope, and what gives them.
pub(super) struct Tokens {
    source: Mutex<Option<Arc<dyn TokenCredential>>>,
    fixed: Option<SecretString>,
    /// Whether the source was made here, and can be made again.
    pub(super) own: bool,
    held: Mutex<BTreeMap<String, Held>>,
    asking: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
struct Held {
    token: SecretString,
    until: Timestamp,
    /// Not before this is a new one asked for again, after the authority was silent.
    next: Timestamp,
}

impl Tokens {
    pub(super) fn of(source: Arc<dyn TokenCredential>, own: bool) -> Tokens {
        Tokens {
            source: Mutex::new(Some(source)),
            fixed: None,
            own,
            held: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn simulated() -> Tokens {
        Tokens {
            source: Mutex::new(None),
            fixed: Some(SecretString::from(SIMULATOR_TOKEN)),
            own: false,
            held: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// The same token for every scope, for ever.
    pub(super) fn fixed(token: &str) -> Tokens {
        Tokens {
            fixed: Some(SecretString::from(token)),
            ..Tokens::simulated()
        }
    }

    fn held(&self, scope: &str) -> Option<Held> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(scope).cloned()
    }

    fn keep(&self, scope: &str, one: Held) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(scope.to_owned(), one);
    }
}

impl Credential {
    /// Returns a token for a scope, a held one while it is good.
    pub(crate) async fn token(&self, scope: &str, now: Timestamp) -> Result<SecretString, CredentialError> {
        if let Some(token) = &self.tokens.fixed {
            return Ok(token.clone());
        }
        let fresh = |held: &Held| held.until.duration_since(now) > MARGIN || held.next > now;
        let usable = |held: &Held| held.until.duration_since(now) > LEAST;
        let old = self.tokens.held(scope).filter(usable);
        if let Some(held) = old.as_ref().filter(|held| fresh(held)) {
            return Ok(held.token.clone());
        }
        // One asks; whoever still has a good token does not wait for it.
        let _asking = match (&old, self.tokens.asking.try_lock()) {
            (_, Ok(asking)) => asking,
            (Some(held), Err(_)) => return Ok(held.token.clone()),
            (None, Err(_)) => {
                let asking = self.tokens.asking.lock().await;
                if let Some(held) = self.tokens.held(scope).filter(usable) {
                    return Ok(held.token);
                }
                asking
            }
        };
        let wait = if old.is_some() { BRIEF } else { WAIT };
        let asked = match tokio::time::timeout(wait, self.ask(scope)).await {
            Ok(asked) => asked,
            Err(_) => Err(CredentialError::Refused {
                kind: self.kind().word(),
                reason: format!("no answer within {} s", wait.as_secs()),
            }),
        };
        match (asked, old) {
            (Ok(held), _) => {
                let token = held.token.clone();
                self.tokens.keep(scope, held);
                Ok(token)
            }
            // A run must not stop because the authority is slow while its token is still good.
            (Err(error), Some(mut held)) => {
                tracing::warn!(%error, "the token is still good, but no new one was given");
                held.next = now + LEAST;
                let token = held.token.clone();
                self.tokens.keep(scope, held);
                Ok(token)
            }
            (Err(error), None) => Err(error),
        }
    }

    /// Forgets a token that Azure no longer takes, and the source that may hold the same one.
    pub(crate) async fn forget(&self, token: &SecretString) {
        let mut held = self.tokens.held.lock().unwrap_or_else(PoisonError::into_inner);
        let before = held.len();
        held.retain(|_, held| held.token.expose_secret() != token.expose_secret());
        if held.len() < before && self.tokens.own {
            // The vendor's credential keeps a cache of its own that cannot be emptied.
            *self.tokens.source.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    async fn ask(&self, scope: &str) -> Result<Held, CredentialError> {
        let source = self.source()?;
        let answer = source
            .get_token(&[scope], None)
            .await
            .map_err(|error| source::refused(self.kind(), &error))?;
        let until = Timestamp::from_second(answer.expires_on.unix_timestamp());
        Ok(Held {
            token: SecretString::from(answer.token.secret().to_owned()),
            until: until.unwrap_or(Timestamp::MAX),
            next: Timestamp::MIN,
        })
    }

    fn source(&self) -> Result<Arc<dyn TokenCredential>, CredentialError> {
        let mut source = self.tokens.source.lock().unwrap_or_else(PoisonError::into_inner);
        match &*source {
            Some(source) => Ok(source.clone()),
            None => {
                let made = source::build(&self.settings)?;
                *source = Some(made.clone());
                Ok(made)
            }
        }
    }
}
