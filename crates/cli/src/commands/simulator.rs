//! `leeward simulator`: a simulated Azure over HTTP or HTTPS, on loopback.

use std::{
    fs, future,
    io::{self, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use leeward_engine::port::Clock;
use leeward_simulator::{Identity, Settings, Simulator, World, serve, serve_tls, world::Directory};
use tokio::sync::oneshot;

use super::{
    Desk,
    plan::JourneyWord,
    runbook::{self, Listener, Part, Source},
};
use crate::{
    code::Code,
    exit::Exit,
    failure::Failure,
    ports::{self, folder::PlanFiles, runtime},
    rehearsal,
};

/// What `leeward simulator` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where to listen; loopback only, port 0 picks a free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Start from this world; with --runbook, instead of the world.yaml beside it
    #[arg(long, value_name = "FILE", required_unless_present = "runbook")]
    pub world: Option<PathBuf>,
    /// Derive the world from this runbook
    #[arg(long, value_name = "RUNBOOK")]
    pub runbook: Option<PathBuf>,
    /// With --runbook: the journey whose beginning the world shows
    #[arg(long, value_enum, default_value_t = JourneyWord::Failover, requires = "runbook")]
    pub journey: JourneyWord,
    /// With --runbook: set a parameter
    #[arg(long = "set", value_name = "NAME=VALUE", requires = "runbook")]
    pub set: Vec<String>,
    /// With --runbook: read parameters from a YAML or JSON file
    #[arg(long, value_name = "FILE", requires = "runbook")]
    pub parameters: Option<PathBuf>,
    /// Let time run this many times faster
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub speed: u32,
    /// When the world begins; with --runbook now when left out, else what the world says
    #[arg(long, value_name = "TIME")]
    pub start: Option<jiff::Timestamp>,
    /// Draw every delay and every chance from this number
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub seed: u64,
    /// Break something on the way: a file of rules; may be given again
    #[arg(long = "fault", alias = "faults", value_name = "FILE")]
    pub faults: Vec<PathBuf>,
    /// Serve HTTPS, with a pretend authority beside ARM: what the vendor's own clients insist on
    #[arg(long, requires = "ca")]
    pub tls: bool,
    /// With --tls: write the certificate that clients have to trust into this file
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub ca: Option<PathBuf>,
    /// Tell pollers to come back after this time whatever the provider would say; for tests of clients
    #[arg(long, value_name = "MILLISECONDS")]
    pub poll_every: Option<u64>,
    /// Write every exchange to this file, one JSON object a line, without tokens and signatures
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    if !arguments.listen.ip().is_loopback() {
        return Err(Failure::new(
            Code::Simulator,
            format!("the simulator does not listen on {}", arguments.listen),
        )
        .because("it takes any token and shows every request: it is for this machine only")
        .hint("listen on 127.0.0.1 or [::1]"));
    }
    let Some(mut world) = world(desk, &arguments)? else {
        return Ok(Exit::Findings);
    };
    let identity = match arguments.tls {
        true => Some(identity()?),
        false => None,
    };
    if identity.is_some() {
        world.directory.get_or_insert_default();
    }
    let directory = world.directory.clone();
    let faults = rehearsal::faults(&arguments.faults)?;
    runtime::wide(async {
        let listener = tokio::net::TcpListener::bind(arguments.listen)
            .await
            .map_err(|error| {
                Failure::new(Code::Simulator, format!("cannot listen on {}", arguments.listen))
                    .because(error.to_string())
            })?;
        let address = listener.local_addr()?;
        let settings = Settings {
            speed: arguments.speed,
            poll_every: arguments.poll_every.map(Duration::from_millis),
            ..Settings::seeded(arguments.seed)
        };
        let simulator = Simulator::new(world, settings);
        simulator.add_faults(faults);
        let scheme = if identity.is_some() { "https" } else { "http" };
        if let (Some(identity), Some(path)) = (&identity, &arguments.ca) {
            fs::write(path, identity.authority()).map_err(|error| Failure::file(path, &error))?;
        }
        let record = arguments.record.as_deref();
        let gap = record.map(|path| record_to(&simulator, path)).transpose()?;
        let gap = async {
            match gap {
                Some(gap) => gap.await.map_err(io::Error::other).unwrap_or_else(|error| error),
                None => future::pending().await,
            }
        };
        desk.terminal.result(&format!("{scheme}://{address}\n"))?;
        desk.terminal.advise(&format!(
            "Simulated Azure, {} times as fast, seed {}. Its control side is {scheme}://{address}/_simulator/ ",
            arguments.speed, arguments.seed,
        ));
        if let (Some(directory), Some(path)) = (&directory, &arguments.ca) {
            desk.terminal.advise(&trust(directory, path));
        }
        desk.terminal.advise("Stop it with Ctrl-C.");
        let served = async {
            match &identity {
                Some(identity) => serve_tls(listener, simulator, identity).await,
                None => serve(listener, simulator).await,
            }
        };
        tokio::select! {
            served = served => match served {
                Ok(never) => match never {},
                Err(error) => Err(Failure::new(Code::Simulator, "the simulator ended").because(error.to_string())),
            },
            // A record with gaps would mislead whoever judges by it.
            error = gap => Err(Failure::new(Code::Simulator, "an exchange could not be written down")
                .because(error.to_string())),
            () = super::conduct::asked_to_stop() => Ok(Exit::Holds),
        }
    })
}

fn identity() -> Result<Identity, Failure> {
    Identity::make(ports::clock::real().now().wall)
        .map_err(|error| Failure::new(Code::Simulator, "cannot serve HTTPS").because(error.to_string()))
}

/// Says what a client needs: whom to trust, and who it may be.
fn trust(directory: &Directory, authority: &Path) -> String {
    let mut text = format!(
        "Clients have to trust {}.\nIts authority is at the same address: tenant {}",
        authority.display(),
        directory.tenant
    );
    for client in &directory.clients {
        text.push_str(&format!(", client {}", client.id));
        if let Some(secret) = &client.secret {
            text.push_str(&format!(" with the secret `{secret}`"));
        }
    }
    text.push('.');
    text
}

/// Writes each exchange as it happens: whoever ends the simulator by force loses none that was answered.
/// What comes back tells of the first one that could not be written.
fn record_to(simulator: &Simulator, path: &Path) -> Result<oneshot::Receiver<io::Error>, Failure> {
    let (tell, told) = oneshot::channel();
    let mut file = fs::File::create(path).map_err(|error| Failure::file(path, &error))?;
    let mut tell = Some(tell);
    simulator.record(move |exchange| {
        let line = serde_json::to_string(exchange).map_err(io::Error::from);
        let written = line.and_then(|line| file.write_all(format!("{line}\n").as_bytes()));
        if let Err(error) = written
            && let Some(tell) = tell.take()
        {
            let _ = tell.send(error);
        }
    });
    Ok(told)
}

fn world(desk: &Desk, arguments: &Arguments) -> Result<Option<World>, Failure> {
    let mut setting = match (&arguments.world, &arguments.runbook) {
        (Some(path), _) => {
            let text = fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
            rehearsal::setting_of(path, &text)?
        }
        (None, Some(runbook)) => rehearsal::setting_beside(&runbook::file_of(runbook))?,
        (None, None) => rehearsal::Setting::default(),
    };
    // Whoever comes over HTTP has a real clock: a world of another day would look hours out of date.
    let now = arguments
        .runbook
        .as_ref()
        .map(|_| ports::clock::real().now().wall);
    if let Some(start) = arguments.start.or(now) {
        setting.world.start = start;
    }
    let Some(runbook) = &arguments.runbook else {
        return Ok(Some(setting.world));
    };
    let source = Source {
        runbook: runbook.clone(),
        set: arguments.set.clone(),
        parameters: arguments.parameters.clone(),
    };
    let made = runbook::make(
        desk,
        &source,
        &Part::default(),
        arguments.journey.into(),
        &setting.parameters(),
        Listener::Person,
    )?;
    let Some(made) = made else { return Ok(None) };
    let files = PlanFiles::of(&made.plan, &made.files);
    rehearsal::world(&made.plan, &files, &setting, rehearsal::Outage::BothUp).map(Some)
}
