//! Every change that every driven kind can ask for, found by letting the drivers assess simulated worlds.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use leeward_acceptance::stage::Book;
use leeward_azure::{
    arm::{Arm, Endpoint, SystemClock},
    credential::{Credential, CredentialKind},
    registry::{Registry, Seams},
    seams::{
        CommandLine, CommandOutcome, CommandRunner, Direct, PretendedClusters, PublicError, PublicReply,
        PublicRequest, PublicWire,
    },
};
use leeward_cli::{
    commands::plan::on_paper,
    ports::folder::PlanFiles,
    rehearsal::{Outage, SimulatedPublic},
};
use leeward_engine::{
    id::{AttemptKey, RunId},
    port::{Clock, Context, Driver, Drivers, Files},
    work::{Operation, Sent},
};
use leeward_runbook::journey::Journey;
use leeward_simulator::{Settings, Simulator, world::Resource};
use serde_json::{Value, json};

use super::server::Server;

/// The token that must be found nowhere.
pub(crate) const TOKEN: &str = "eyJ0aGUtbGl2ZS10b2tlbi1vZi10aGlzLXRlc3Q";

/// A runbook with the kinds that no shipped one uses. A new kind gets its step here, or in a shipped runbook.
const MORE: &str = r#"leeward: 1
name: more
summary: The kinds that no shipped runbook uses.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30m, rpo: 10m }
parameters:
  subscription: { type: subscription-id, default: "00000000-0000-0000-0000-0000000000aa" }
steps:
  script:
    use: run.command
    with: { command: [/bin/true, now] }
    repeat: safe
    in: [failover]
  promote:
    use: azure.vm.run-command
    with: { script: pg_ctl promote }
    at:
      primary: { machine: vm-more-weu, resource-group: rg-more-weu }
      paired: { machine: vm-more-neu, resource-group: rg-more-neu }
    repeat: safe
    in: [failover]
  lock:
    use: azure.resource
    with:
      id: /subscriptions/00000000-0000-0000-0000-0000000000aa/resourceGroups/rg-more/providers/Microsoft.Authorization/locks/calm
      api-version: "2020-05-01"
      method: PUT
      body: { properties: { level: CanNotDelete } }
    repeat: safe
    in: [failover]
  workloads:
    use: kubernetes.apply
    with: { manifests: manifests/ }
    at:
      primary: { cluster: aks-more-weu, resource-group: rg-aks-more-weu }
      paired: { cluster: aks-more-neu, resource-group: rg-aks-more-neu }
    in: [failover]
  shop-sql:
    use: azure.sql.failover-group
    with: { failover-group: fog-more, databases: [orders], real: copy }
    at:
      primary: { resource-group: rg-more-weu, server: sql-more-weu }
      paired: { resource-group: rg-more-neu, server: sql-more-neu }
    data-loss: { budget: 5m, ladder: [planned, try-planned, forced] }
  web:
    use: azure.site-recovery.recovery-plan
    with:
      vault: { name: rsv-more, resource-group: rg-recovery-neu }
      plan: rp-more
      machines: [vm-more-1, vm-more-2]
    at:
      primary: { resource-group: rg-web-weu }
      paired: { resource-group: rg-web-neu }
    data-loss: { budget: 10m }
    in: [failover]
  edge:
    use: azure.front-door.origin-group
    with: { profile: afd-more, resource-group: rg-more, origin-group: shop }
    at: { primary: { origin: weu }, paired: { origin: neu } }
    in: [failover]
  public-record:
    use: azure.dns.record-set
    with: { zone: shop.test, resource-group: rg-more, record: www, type: A }
    at: { primary: { value: 10.10.0.1 }, paired: { value: 10.20.0.1 } }
    in: [failover]
  media:
    use: azure.storage.object-replication
    with:
      containers: [media]
      canary: false
      consumers:
        - app-setting: { app: app-more, resource-group: rg-more, name: MEDIA }
        - key-vault-secret: { vault: kv-more, name: media }
        - dns-record: { zone: media.test, resource-group: rg-more, name: media, type: CNAME }
    at:
      primary: { account: stmoreweu, resource-group: rg-more-weu }
      paired: { account: stmoreneu, resource-group: rg-more-neu }
    data-loss: { budget: 5m }
    in: [failover]
  private-record:
    use: azure.private-dns.record-set
    with: { zone: queue.internal, resource-group: rg-more, record: broker, type: CNAME }
    at: { primary: { value: broker.weu.test }, paired: { value: broker.neu.test } }
    in: [failover]
"#;

/// What `MORE` puts on its cluster.
const MANIFESTS: &[(&str, &[u8])] = &[(
    "manifests/shop.yaml",
    b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\ndata: {greeting: hello}\n",
)];

/// Kinds that change nothing, and so have nothing to send. Whoever adds a kind here says that it never will.
pub(crate) const ONLY_LOOKS: &[&str] = &["check.dns", "check.http", "check.sql", "check.tcp", "check.tls"];

/// One world with its server, and what its drivers want to change in it.
pub(crate) struct Stage {
    pub(crate) server: Server,
    pub(crate) registry: Registry,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) commands: Arc<AtomicUsize>,
    pub(crate) changes: Vec<Change>,
}

/// One change: who sends it, and for what.
pub(crate) struct Change {
    pub(crate) kind: String,
    pub(crate) label: String,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) context: Context,
    pub(crate) operation: Operation,
    pub(crate) rung: String,
}

impl Change {
    /// Whether it goes to a data plane, where nothing is begun that takes its time behind a header of ARM's.
    pub(crate) fn is_beside_arm(&self) -> bool {
        let id = self.operation.id.as_str();
        id.starts_with("canary/") || id.starts_with("switch/key-vault-secret")
    }

    pub(crate) async fn begin(&self, clock: &Arc<dyn Clock>, send: u32) -> Sent {
        let key = AttemptKey {
            run: self.context.run.clone(),
            step: self.context.step.id.clone(),
            operation: self.operation.id.clone(),
            attempt: 1,
            send,
            send_before: clock.now().uptime + Duration::from_secs(30),
        };
        self.driver
            .begin(&self.context, &self.operation, &self.rung, &key)
            .await
    }
}

/// Opens every world: each shipped runbook and the one above, on each journey.
pub(crate) async fn stages() -> Vec<Stage> {
    let names = ["interworks-platform", "minimal", "sql-only", "more"];
    let journeys = [
        Journey::Failover,
        Journey::Drill,
        Journey::Failback,
        Journey::Reprotect,
    ];
    stages_of(&names, &journeys).await
}

/// Opens some of them.
pub(crate) async fn stages_of(names: &[&str], journeys: &[Journey]) -> Vec<Stage> {
    let mut stages = Vec::new();
    for name in names {
        let book = match *name {
            "more" => Book::written_with(MORE, "parameters: {}\n", MANIFESTS),
            _ => Book::open(name),
        };
        for journey in journeys {
            // Its kinds have nothing of their own to send on the way home.
            if *name == "more" && !matches!(journey, Journey::Failover | Journey::Drill) {
                continue;
            }
            let mut stage = open(&book, name, *journey, None).await;
            let pools = standing(&stage.changes);
            stage.changes.retain(|change| !is_of_a_pool(change));
            stages.push(stage);
            if !pools.is_empty() {
                stages.push(open(&book, name, *journey, Some(pools)).await);
            }
        }
    }
    for stage in &mut stages {
        // One that failed as the size before is all that is ever removed.
        stage.changes.retain(|change| {
            let removes = change.rung.strip_prefix("remove-");
            removes.is_none_or(|size| change.operation.rungs[0].name == size)
        });
    }
    stages
}

/// Whether a change is one of a pool that goes its own way, which needs the cluster of the same run to stand.
fn is_of_a_pool(change: &Change) -> bool {
    change.operation.id.as_str().starts_with("pool/")
}

/// The clusters that pools go their own way in, made by this very run, with pools that failed.
fn standing(changes: &[Change]) -> Vec<Resource> {
    let mut clusters: Vec<Resource> = Vec::new();
    for change in changes.iter().filter(|change| is_of_a_pool(change)) {
        let Some((id, name)) = change.operation.target.split_once("/agentpools/") else {
            continue;
        };
        let pool = json!({
            "name": name, "mode": "User", "provisioningState": "Failed", "vmSize": change.operation.rungs[0].name,
        });
        if let Some(known) = clusters.iter_mut().find(|known| known.id == id) {
            let pools = known.body["properties"]["agentPoolProfiles"]
                .as_array_mut()
                .unwrap();
            if !pools.contains(&pool) {
                pools.push(pool);
            }
            continue;
        }
        let create = |one: &&Change| one.operation.id.as_str() == "create" && one.operation.target == id;
        let goal = &changes.iter().find(create).unwrap().operation.goal;
        clusters.push(Resource {
            id: id.to_owned(),
            kind: "Microsoft.ContainerService/managedClusters".to_owned(),
            region: change.context.plan.target.region.clone(),
            body: json!({
                "id": id,
                "name": id.rsplit('/').next(),
                "tags": {
                    "leeward-run": change.context.run.as_str(),
                    "leeward-specification": goal.rsplit(' ').next(),
                },
                "properties": {"provisioningState": "Failed", "agentPoolProfiles": [pool]},
            }),
            state: Value::Null,
        });
    }
    clusters
}

/// Answers take no time: these tests live on the real clock.
fn at_once() -> Settings {
    Settings {
        latency: (Duration::ZERO, Duration::ZERO),
        ..Settings::seeded(1)
    }
}

/// Opens one world, with clusters that stand in it already and whose pools are then all that is looked at.
async fn open(book: &Book, name: &str, journey: Journey, clusters: Option<Vec<Resource>>) -> Stage {
    let planned = book.plan(journey, Outage::BothUp);
    let mut world = book.world(&planned, Outage::BothUp);
    let only_pools = clusters.is_some();
    for cluster in clusters.into_iter().flatten() {
        world.put(cluster);
    }
    let simulator = Simulator::new(world, at_once());
    let server = Server::start(simulator.clone()).await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let credential = Credential::from_token(CredentialKind::AzureCli, TOKEN);
    let endpoint = Endpoint::parse(&server.url).unwrap();
    let commands = Arc::new(AtomicUsize::new(0));
    let public = Arc::new(Outside {
        simulated: SimulatedPublic(simulator),
        direct: Direct::new(clock.clone()),
        server: server.url.clone(),
    });
    let registry = Registry::new(&Seams {
        arm: Arm::new(endpoint, credential, None, clock.clone()).unwrap(),
        clusters: Arc::new(PretendedClusters::new(public.clone())),
        public,
        commands: Arc::new(Counted(commands.clone())),
    });
    let mut changes = Vec::new();
    let files: Arc<dyn Files> = Arc::new(PlanFiles::of(&planned.plan, &planned.files));
    let plan = Arc::new(planned.plan.clone());
    for step in &plan.steps {
        let Some(driver) = registry.of(&step.kind) else {
            continue;
        };
        let context = Context {
            run: RunId("r-wire".to_owned()),
            ..on_paper(&plan, step, &files)
        };
        let assessment = match driver.assess(&context).await {
            Ok(assessment) => assessment,
            // What reads the output of another step cannot be assessed alone.
            Err(_) => continue,
        };
        for operation in assessment.operations {
            for rung in operation.rungs.clone() {
                changes.push(Change {
                    kind: step.kind.clone(),
                    label: format!("{name} {journey} {} {} {}", step.id, operation.id, rung.name),
                    driver: driver.clone(),
                    context: context.clone(),
                    operation: operation.clone(),
                    rung: rung.name,
                });
            }
        }
    }
    if only_pools {
        changes.retain(is_of_a_pool);
    }
    Stage {
        server,
        registry,
        clock,
        commands,
        changes,
    }
}

/// Fails where a driven kind has no change among those of the stages.
pub(crate) fn all_kinds_are_there(stages: &[Stage]) {
    let found: BTreeSet<&str> = stages
        .iter()
        .flat_map(|stage| &stage.changes)
        .map(|change| change.kind.as_str())
        .collect();
    let missing: Vec<&str> = stages[0]
        .registry
        .kinds()
        .into_iter()
        .filter(|kind| !ONLY_LOOKS.contains(kind) && !found.contains(kind))
        .collect();
    assert!(
        missing.is_empty(),
        "no change of these kinds was tried; give each a step in `MORE`: {missing:?}"
    );
    assert!(found.len() > 5, "{found:?}");
}

/// The public side: pages are simulated, messages go to the server over a real socket.
struct Outside {
    simulated: SimulatedPublic,
    direct: Direct,
    server: String,
}

#[async_trait]
impl PublicWire for Outside {
    async fn http(&self, request: &PublicRequest) -> Result<PublicReply, PublicError> {
        if request.method == "GET" {
            return self.simulated.http(request).await;
        }
        let mut request = request.clone();
        request.url = format!("{}{}", self.server, request.url.path()).parse().unwrap();
        self.direct.http(&request).await
    }

    async fn connect(&self, host: &str, port: u16, within: Duration) -> Result<(), PublicError> {
        self.simulated.connect(host, port, within).await
    }
}

/// Commands that are only counted.
struct Counted(Arc<AtomicUsize>);

#[async_trait]
impl CommandRunner for Counted {
    async fn run(&self, _: &CommandLine) -> CommandOutcome {
        self.0.fetch_add(1, Ordering::SeqCst);
        CommandOutcome::Ended {
            code: Some(0),
            output: String::new(),
        }
    }
}
