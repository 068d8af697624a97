//! The clusters of the real world: over TLS, to the server alone, by the authority of its kubeconfig.
//!
//! Every request has a client and a connection of its own. On a shared connection that the other side has just closed
//! the library below would send again by itself; and no two clusters may share what they trust.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use leeward_engine::port::Clock;
use secrecy::ExposeSecret;

use super::{
    cluster::{ClusterAccess, ClusterRequest, ClusterWire},
    direct,
    public::{PublicError, PublicReply},
};
use crate::arm::{NetworkSettings, SendRight, SendRightLayer};

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// Goes to the servers themselves, through the proxy of the settings where there is one.
pub struct Clusters {
    clock: Arc<dyn Clock>,
    network: NetworkSettings,
}

impl Clusters {
    /// Makes a wire.
    pub fn new(clock: Arc<dyn Clock>, network: NetworkSettings) -> Clusters {
        Clusters { clock, network }
    }

    fn client(&self, access: &ClusterAccess) -> Result<reqwest::Client, PublicError> {
        // What is wrong with a key must not be told by showing it.
        let unusable = |what: &str| PublicError::not_sent(format!("the kubeconfig's {what} cannot be used"));
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(0)
            .http1_only()
            .https_only(true)
            .referer(false)
            .connector_layer(SendRightLayer)
            .user_agent(concat!("leeward/", env!("CARGO_PKG_VERSION")));
        builder = match &access.authority {
            Some(pem) => {
                let authority = reqwest::Certificate::from_pem_bundle(pem.as_bytes())
                    .ok()
                    .filter(|found| !found.is_empty())
                    .ok_or_else(|| unusable("certificate-authority-data"))?;
                self.network.apply_proxy(builder).tls_certs_only(authority)
            }
            None => self.network.apply(builder),
        };
        if let Some(identity) = &access.identity {
            let identity = reqwest::Identity::from_pem(identity.expose_secret().as_bytes())
                .map_err(|_| unusable("client certificate"))?;
            builder = builder.identity(identity);
        }
        builder
            .build()
            .map_err(|error| PublicError::not_sent(direct::root_of(&error)))
    }

    async fn exchange(
        &self,
        access: &ClusterAccess,
        request: &ClusterRequest,
    ) -> Result<PublicReply, PublicError> {
        let method = reqwest::Method::from_bytes(request.method.as_bytes())
            .map_err(|error| PublicError::not_sent(error.to_string()))?;
        let mut outgoing = self
            .client(access)?
            .request(method, access.url_of(request)?)
            .header("accept", "application/json");
        if let Some(token) = &access.token {
            let mut value =
                reqwest::header::HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
                    .map_err(|_| PublicError::not_sent("the kubeconfig's token cannot be used"))?;
            value.set_sensitive(true);
            outgoing = outgoing.header("authorization", value);
        }
        if let Some(kind) = request.content_type {
            outgoing = outgoing.header("content-type", kind).body(request.body.clone());
        }
        let right = request
            .send_before
            .map(|moment| SendRight::until(self.clock.clone(), moment));
        if right.as_ref().is_some_and(SendRight::is_over) {
            return Err(PublicError::not_sent(SendRight::OVER));
        }
        let answer = SendRight::during(right, outgoing.send())
            .await
            .map_err(|error| direct::sorted(&error))?;
        direct::read(answer).await
    }
}

#[async_trait]
impl ClusterWire for Clusters {
    async fn ask(
        &self,
        access: &ClusterAccess,
        request: &ClusterRequest,
    ) -> Result<PublicReply, PublicError> {
        tokio::time::timeout(request.within, self.exchange(access, request))
            .await
            .unwrap_or_else(|_| Err(PublicError::lost("no answer in time")))
    }
}

#[cfg(test)]
mod tests;
