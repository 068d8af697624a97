//! One rehearsal: the real engine and the real drivers, against a world in this process.

use std::sync::Arc;

use leeward_azure::{
    arm::{Arm, Endpoint},
    credential::Credential,
    registry::{Registry, Seams},
    seams::PretendedClusters,
};
use leeward_engine::{
    conductor::{Conducted, Ended},
    event::Outcome,
    port::{Clock, Drivers},
};
use leeward_runbook::plan::{PinnedFiles, Plan};
use leeward_simulator::{Rule, Settings, Simulator, World};
use leeward_store::MemoryStore;
use tokio::sync::watch;

use super::{
    cast,
    wires::{Answers, SimulatedCommands, SimulatedHttp, SimulatedPublic},
};
use crate::{commands::conduct, failure::Failure, ports::clock::RehearsalClock, screen::Progress};

/// Everything that a rehearsal depends on: the same parts give the same bytes.
pub struct Rehearsal {
    /// What is rehearsed.
    pub plan: Plan,
    /// The bytes of its files, by digest.
    pub files: PinnedFiles,
    /// Where.
    pub world: World,
    /// What goes wrong.
    pub faults: Vec<Rule>,
    /// What had happened before: a journey that is played first, without faults.
    pub before: Option<(Plan, PinnedFiles)>,
    /// Decides every draw.
    pub seed: u64,
    /// How many steps may be under way at once.
    pub parallel: Option<usize>,
}

impl Rehearsal {
    /// Plays it to its end. Needs a runtime whose clock is paused.
    pub async fn play(self, progress: &Progress) -> Result<Conducted, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(RehearsalClock::starting(self.world.start));
        let simulator = Simulator::new(self.world, Settings::seeded(self.seed));
        let mut stage = Stage {
            drivers: drivers(&simulator, &clock)?,
            clock,
            seed: self.seed,
            parallel: self.parallel,
            runs: 0,
        };
        if let Some((plan, files)) = self.before {
            let conducted = stage.conduct(plan, files, &Progress::Quiet).await?;
            if !matches!(conducted.ended, Ended::Over(Outcome::Done | Outcome::Degraded)) {
                return Ok(conducted);
            }
        }
        simulator.add_faults(self.faults);
        stage.conduct(self.plan, self.files, progress).await
    }
}

/// A world with what is needed to conduct runs in it, one after another.
struct Stage {
    drivers: Arc<dyn Drivers>,
    clock: Arc<dyn Clock>,
    seed: u64,
    parallel: Option<usize>,
    runs: u32,
}

impl Stage {
    async fn conduct(
        &mut self,
        plan: Plan,
        files: PinnedFiles,
        progress: &Progress,
    ) -> Result<Conducted, Failure> {
        let now = self.clock.now().wall;
        let wall = self.clock.clone();
        let store = Arc::new(MemoryStore::with_clock(move || wall.now().wall));
        let (_never, stop) = watch::channel(false);
        let conductor = cast::conductor(store, self.drivers.clone(), self.clock.clone(), stop);
        let salt = u32::try_from(self.seed & 0xffff).unwrap_or_default();
        self.runs += 1;
        let new = cast::opening(plan, files, salt.wrapping_add(self.runs), now, self.parallel);
        let mut observer = progress;
        let conducted = conductor.start(new, &mut observer).await;
        conducted.map_err(|error| conduct::failure(error, self.clock.now().wall))
    }
}

/// Makes the drivers whose wires end in a simulator.
pub fn drivers(simulator: &Simulator, clock: &Arc<dyn Clock>) -> Result<Arc<dyn Drivers>, Failure> {
    drivers_over(Arc::new(simulator.clone()), simulator, clock)
}

/// Makes drivers that somebody else answers in Azure's stead; the rest of the world is the simulator's.
pub fn drivers_over(
    azure: Arc<dyn Answers>,
    simulator: &Simulator,
    clock: &Arc<dyn Clock>,
) -> Result<Arc<dyn Drivers>, Failure> {
    // The address is never dialled; it only tells ARM's requests from the public ones.
    let endpoint =
        Endpoint::parse("http://127.0.0.1:1").map_err(|error| Failure::defect(error.to_string()))?;
    let http = Arc::new(SimulatedHttp(azure));
    let arm = Arm::new(endpoint, Credential::simulator(), Some(http), clock.clone())
        .map_err(|error| Failure::defect(error.to_string()))?;
    let public = Arc::new(SimulatedPublic(simulator.clone()));
    Ok(Arc::new(Registry::new(&Seams {
        arm,
        clusters: Arc::new(PretendedClusters::new(public.clone())),
        public,
        commands: Arc::new(SimulatedCommands(simulator.clone())),
    })))
}
