//! How this command reaches Azure: the endpoint, the credential and the drivers that stand on them.

use std::sync::Arc;

use leeward_azure::{
    arm::{Arm, Endpoint},
    credential::{Credential, CredentialKind, CredentialSettings},
    registry::{Registry, Seams},
    seams::{Direct, Forward, LocalCommands, PublicWire},
};
use leeward_engine::port::{Clock, Drivers};

use crate::{code::Code, commands::Desk, failure::Failure};

/// Returns the endpoint of the settings.
pub fn endpoint(desk: &Desk) -> Result<Endpoint, Failure> {
    let (text, origin) = desk
        .settings
        .get("endpoint")
        .ok_or_else(|| Failure::defect("the endpoint has no default"))?;
    Endpoint::parse(text).map_err(|error| {
        Failure::new(Code::Endpoint, "the endpoint cannot be used")
            .at(origin.to_string())
            .because(error.to_string())
            .hint("write it as `https://management.azure.com`, or `http://127.0.0.1:PORT` for the simulator")
    })
}

/// Makes the drivers over the network.
///
/// Against a simulator on this machine the public side of the world is simulated too.
pub fn drivers(desk: &Desk, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Drivers>, Failure> {
    let endpoint = endpoint(desk)?;
    let credential = credential(desk, &endpoint)?;
    let public: Arc<dyn PublicWire> = match Forward::new(endpoint.clone(), clock.clone()) {
        Some(forward) => Arc::new(forward),
        None => Arc::new(Direct::new(clock.clone())),
    };
    let arm =
        Arm::new(endpoint, credential, None, clock.clone()).map_err(|error| refused(&error.to_string()))?;
    Ok(Arc::new(Registry::new(&Seams {
        arm,
        public,
        commands: Arc::new(LocalCommands::new(clock.clone())),
    })))
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
        commands: Arc::new(LocalCommands::new(clock.clone())),
    })))
}

fn credential(desk: &Desk, endpoint: &Endpoint) -> Result<Credential, Failure> {
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
    })
    .map_err(|error| at(refused(&error.to_string())))
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
