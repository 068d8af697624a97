//! How this command reaches Azure: the endpoint, the credential and the drivers that stand on them.

use std::sync::Arc;

use leeward_azure::{
    arm::{Arm, Endpoint, EndpointError, NetworkSettings, transport::Network},
    cloud::{Authority, CloudName},
    credential::{Credential, CredentialKind, CredentialSettings},
    governance::Marks,
    registry::{Registry, Seams},
    seams::{ClusterWire, Clusters, Direct, Forward, LocalCommands, PretendedClusters, PublicWire},
};
use leeward_engine::port::{Clock, Drivers};

use crate::{code::Code, commands::Desk, failure::Failure};

/// Returns the endpoint of the settings, or of the cloud that they name.
pub fn endpoint(desk: &Desk) -> Result<Endpoint, Failure> {
    let (text, origin) = address(desk, "endpoint", CloudName::endpoint)?;
    let endpoint = Endpoint::parse(&text).map_err(|error| {
        bad_address("endpoint", &origin, &error)
            .hint("write it as `https://management.azure.com`, or `http://127.0.0.1:PORT` for the simulator")
    })?;
    // `endpoint` may be an address of one's own in a cloud that has a name.
    let cloud = desk.settings.text("cloud").and_then(|word| word.parse().ok());
    let endpoint = match cloud {
        Some(cloud) if !endpoint.is_loopback() => endpoint.in_cloud(cloud),
        _ => endpoint,
    };
    Ok(match desk.settings.text("audience") {
        Some(audience) => endpoint.with_audience(audience),
        None => endpoint,
    })
}

fn authority(desk: &Desk) -> Result<Authority, Failure> {
    let (text, origin) = address(desk, "authority", CloudName::authority)?;
    Authority::parse(&text).map_err(|error| {
        bad_address("authority", &origin, &error).hint("write it as `https://login.microsoftonline.com`")
    })
}

/// Returns an address and where it came from: its own setting, else the cloud's.
fn address(
    desk: &Desk,
    name: &'static str,
    of_cloud: impl Fn(CloudName) -> Option<&'static str>,
) -> Result<(String, String), Failure> {
    if let Some((text, origin)) = desk.settings.get(name) {
        return Ok((text.to_owned(), origin.to_string()));
    }
    let (word, origin) = desk
        .settings
        .get("cloud")
        .ok_or_else(|| Failure::defect("the cloud has no default"))?;
    let cloud: CloudName = word
        .parse()
        .map_err(|error: leeward_azure::cloud::UnknownCloud| {
            Failure::new(Code::SettingValue, "the setting `cloud` cannot be used")
                .at(origin.to_string())
                .because(error.to_string())
                .hint("run `leeward config` to see every setting and where it came from")
        })?;
    match of_cloud(cloud) {
        Some(text) => Ok((text.to_owned(), format!("cloud `{word}`, {origin}"))),
        None => Err(
            Failure::new(Code::Endpoint, format!("the cloud `custom` needs `{name}`"))
                .at(origin.to_string())
                .hint(format!("set `{name}` beside it in `leeward.toml`")),
        ),
    }
}

fn bad_address(name: &str, origin: &str, error: &EndpointError) -> Failure {
    Failure::new(Code::Endpoint, format!("the {name} cannot be used"))
        .at(origin)
        .because(error.to_string())
}

/// Returns what stands between us and Azure: the environment's proxy, the certificates of the settings.
fn network(desk: &Desk) -> Result<NetworkSettings, Failure> {
    let failed = |error: leeward_azure::arm::NetworkError| {
        Failure::new(Code::Network, "the network cannot be used as it is set up")
            .because(error.to_string())
            .hint("look at HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE and the setting `ca-bundle`")
    };
    let found = NetworkSettings::from_environment(|name| std::env::var(name).ok()).map_err(failed)?;
    match desk.settings.text("ca-bundle") {
        Some(path) => found.with_bundle(std::path::Path::new(path)).map_err(failed),
        None => Ok(found),
    }
}

/// Makes the drivers over the network.
///
/// Against a simulator on this machine the public side of the world is simulated too.
pub fn drivers(desk: &Desk, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Drivers>, Failure> {
    Ok(over(arm(desk, clock)?, clock, network(desk)?, marks(desk)?))
}

/// Makes the drivers, and asks for one token before anything is begun: a credential that gives none is told as that.
pub async fn proven_drivers(desk: &Desk, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Drivers>, Failure> {
    Ok(proven(desk, clock).await?.drivers)
}

/// The drivers, and the client beneath them for what no driver asks.
pub struct Proven {
    /// Every kind's driver.
    pub drivers: Arc<dyn Drivers>,
    /// The client that they share.
    pub arm: Arm,
}

/// The same as [`proven_drivers`], with the client.
pub async fn proven(desk: &Desk, clock: &Arc<dyn Clock>) -> Result<Proven, Failure> {
    let arm = arm(desk, clock)?;
    if let Err(error) = arm.prove().await {
        let failure = refused(&error.to_string());
        return Err(match desk.settings.get("credential") {
            Some((_, origin)) => failure.at(origin.to_string()),
            None => failure,
        });
    }
    Ok(Proven {
        drivers: over(arm.clone(), clock, network(desk)?, marks(desk)?),
        arm,
    })
}

fn arm(desk: &Desk, clock: &Arc<dyn Clock>) -> Result<Arm, Failure> {
    let endpoint = endpoint(desk)?;
    let network = network(desk)?;
    let credential = credential(desk, &endpoint, &network)?;
    let http = Arc::new(Network::new(network));
    Arm::new(endpoint, credential, Some(http), clock.clone()).map_err(|error| refused(&error.to_string()))
}

fn over(arm: Arm, clock: &Arc<dyn Clock>, network: NetworkSettings, marks: Marks) -> Arc<dyn Drivers> {
    let (public, clusters): (Arc<dyn PublicWire>, Arc<dyn ClusterWire>) =
        match Forward::new(arm.endpoint().clone(), clock.clone()) {
            Some(forward) => {
                let forward = Arc::new(forward);
                (forward.clone(), Arc::new(PretendedClusters::new(forward)))
            }
            None => (
                Arc::new(Direct::through(clock.clone(), network.clone())),
                Arc::new(Clusters::new(clock.clone(), network)),
            ),
        };
    let seams = Seams {
        arm,
        public,
        clusters,
        commands: Arc::new(LocalCommands::new(clock.clone())),
    };
    Arc::new(Registry::marking(&seams, marks))
}

/// Returns whether what moves is to be marked.
fn marks(desk: &Desk) -> Result<Marks, Failure> {
    match desk.settings.get("marks") {
        None => Ok(Marks::Off),
        Some((word, _)) if word.eq_ignore_ascii_case("off") => Ok(Marks::Off),
        Some((word, _)) if word.eq_ignore_ascii_case("on") => Ok(Marks::On),
        Some((word, origin)) => Err(
            Failure::new(Code::SettingValue, "the setting `marks` cannot be used")
                .at(origin.to_string())
                .because(format!("it is `{word}`"))
                .hint("it is on or off"),
        ),
    }
}

/// Drivers that only say which resources a plan touches; they reach nobody.
pub fn drivers_on_paper(clock: &Arc<dyn Clock>) -> Result<Arc<dyn Drivers>, Failure> {
    let endpoint =
        Endpoint::parse("http://127.0.0.1:9").map_err(|error| Failure::defect(error.to_string()))?;
    let arm = Arm::new(endpoint, Credential::simulator(), None, clock.clone())
        .map_err(|error| Failure::defect(error.to_string()))?;
    Ok(Arc::new(Registry::new(&Seams {
        arm,
        public: Arc::new(Direct::new(clock.clone())),
        clusters: Arc::new(Clusters::new(clock.clone(), NetworkSettings::direct())),
        commands: Arc::new(LocalCommands::new(clock.clone())),
    })))
}

fn credential(desk: &Desk, endpoint: &Endpoint, network: &NetworkSettings) -> Result<Credential, Failure> {
    let settings = &desk.settings;
    let Some((name, origin)) = settings.get("credential") else {
        if endpoint.is_loopback() {
            return Ok(Credential::simulator());
        }
        return Err(Failure::new(Code::Credential, "no credential is named")
            .because("Leeward tries nothing on its own: it acts as whom you name")
            .hint(format!("name one with `--credential NAME`: {}", names())));
    };
    let at = |failure: Failure| failure.at(origin.to_string());
    let kind: CredentialKind = name
        .parse()
        .map_err(|error: leeward_azure::credential::CredentialError| at(refused(&error.to_string())))?;
    let text = |name: &str| settings.text(name).map(str::to_owned);
    Credential::new(CredentialSettings {
        kind,
        tenant: text("tenant"),
        client: text("client"),
        secret: text("secret"),
        authority: named_authority(desk)?,
        network: network.clone(),
    })
    .map_err(|error| at(refused(&error.to_string())))
}

/// Returns the authority where the settings decide it; left to the environment where they say nothing.
fn named_authority(desk: &Desk) -> Result<Option<Authority>, Failure> {
    let settings = &desk.settings;
    let silent = settings.text("authority").is_none()
        && matches!(
            settings.get("cloud"),
            None | Some((_, crate::settings::Origin::Default))
        );
    match silent {
        true => Ok(None),
        false => authority(desk).map(Some),
    }
}

fn refused(reason: &str) -> Failure {
    Failure::new(Code::Credential, "the credential cannot be used")
        .because(reason)
        .hint(format!("the credentials are {}", names()))
        .hint("run `leeward config` to see every setting and where it came from")
}

fn names() -> String {
    CredentialKind::ALL.map(|kind| kind.word()).join(", ")
}
