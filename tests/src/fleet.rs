//! What does the failover of very many protected machines look like, against Azure's real limits?

use std::time::Duration;

use jiff::Timestamp;
use leeward_cli::rehearsal::{self, Outage, Setting};
use leeward_runbook::{
    finding::to_text,
    journey::Journey,
    plan::{PlanRequest, plan_with_files},
};
use leeward_simulator::{Entry, Simulator, Told, World};

use crate::stage::Planned;

/// The vault's subscription.
pub const SUBSCRIPTION: &str = "11111111-2222-3333-4444-555555555555";

/// Makes the plan that fails so many machines over, each by itself.
pub fn plan(machines: usize) -> Planned {
    let names: Vec<String> = (1..=machines).map(|number| format!("vm-{number:05}")).collect();
    let text = format!(
        r#"leeward: 1
name: fleet
summary: Very many machines of one vault.
regions: {{ primary: westeurope, paired: northeurope }}
objectives: {{ rto: 1h, rpo: 15m }}
parameters:
  subscription: {{ type: subscription-id, default: "{SUBSCRIPTION}" }}
steps:
  fleet:
    use: azure.site-recovery.virtual-machines
    with:
      vault: {{ name: rsv-fleet, resource-group: rg-recovery-neu }}
      select: {{ names: [{}] }}
      source: try-shutdown
      recovery-point: latest
    at:
      primary: {{ address: 10.10.1.10, resource-group: rg-machines-weu }}
      paired: {{ address: 10.20.1.10, resource-group: rg-machines-neu }}
    data-loss: {{ budget: 15m }}
    timeout: 3h
    ends: recovery
"#,
        names.join(", ")
    );
    let reading = leeward_runbook::read("fleet", text.as_bytes());
    let findings: Vec<String> = reading.findings.iter().map(to_text).collect();
    let runbook = reading
        .runbook
        .unwrap_or_else(|| panic!("{}", findings.join("\n")));
    let request = PlanRequest::new(Journey::Failover);
    let (plan, files) = plan_with_files(&runbook, &request).unwrap_or_else(|findings| {
        let findings: Vec<String> = findings.iter().map(to_text).collect();
        panic!("{}", findings.join("\n"))
    });
    Planned { plan, files }
}

/// Makes the world in which they are protected.
pub fn world(planned: &Planned) -> World {
    let files = leeward_cli::ports::folder::PlanFiles::of(&planned.plan, &planned.files);
    rehearsal::world(&planned.plan, &files, &Setting::default(), Outage::BothUp)
        .unwrap_or_else(|failure| panic!("{failure:?}"))
}

/// How the failovers went, from the simulator's own book.
pub struct Failovers {
    /// When the first request of all came.
    pub began: Timestamp,
    /// When each failover was taken on and when it was over, in the order in which they were taken on.
    pub spans: Vec<(Timestamp, Timestamp)>,
    /// The moments of the refusals for asking too often.
    pub refused: Vec<Timestamp>,
    /// Every request.
    pub requests: Vec<Entry>,
}

/// The write bucket that Azure documents: so many at once, and one more each tenth of a second.
const WRITES_AT_ONCE: usize = 200;
const WRITE_EVERY: Duration = Duration::from_millis(100);

impl Failovers {
    /// Reads them.
    pub fn of(simulator: &Simulator) -> Failovers {
        let requests = simulator.requests();
        let world = simulator.world();
        let mut spans: Vec<(Timestamp, Timestamp)> = world
            .operations
            .values()
            .filter(|one| one.verb.to_lowercase().contains("unplanned"))
            .filter_map(|one| Some((one.started, one.ends?)))
            .collect();
        spans.sort();
        let began = requests.first().map_or(world.start, |first| first.time);
        let refused = requests
            .iter()
            .filter(|entry| entry.status == Told::Status(429))
            .map(|entry| entry.time)
            .collect();
        Failovers {
            began,
            spans,
            refused,
            requests,
        }
    }

    /// Returns the least time in which these machines, in this order, can be over: each taken on as soon as the
    /// write bucket lets it.
    pub fn bound(&self) -> Duration {
        self.spans
            .iter()
            .enumerate()
            .map(|(place, (started, ends))| {
                let turn = u32::try_from(place.saturating_sub(WRITES_AT_ONCE - 1)).unwrap_or(u32::MAX);
                WRITE_EVERY * turn + since(*started, *ends)
            })
            .max()
            .unwrap_or_default()
    }

    /// Returns how many refusals came later than a stretch after the first request.
    pub fn refused_after(&self, stretch: Duration) -> usize {
        self.refused
            .iter()
            .filter(|at| since(self.began, **at) > stretch)
            .count()
    }
}

/// Returns how much later the second moment is.
pub fn since(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
