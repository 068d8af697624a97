//! What the tests of this crate share: a scripted Azure in memory, contexts, and the official data.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use azure_core::http::{AsyncRawResponse, Body, HttpClient, Request, headers::Headers};
use jiff::Timestamp;
use leeward_engine::{
    id::{AttemptKey, OperationId, RunId, StepId},
    port::{Clock, Context, Files, Moment, SourceRegion},
};
use leeward_runbook::{
    journey::{Journey, Region, Side},
    plan::{Check, Goal, Objectives, OnFailure, PLAN_FORMAT, Plan, PlannedStep, Retry},
};
use serde_json::{Value, json};

use crate::{
    arm::{Arm, Endpoint},
    credential::Credential,
    registry::Seams,
    seams::{
        CommandLine, CommandOutcome, CommandRunner, PretendedClusters, PublicError, PublicReply,
        PublicRequest, PublicWire,
    },
};

/// A clock on tokio's time.
pub(crate) struct TestClock(tokio::time::Instant);

impl TestClock {
    pub(crate) fn new() -> Arc<TestClock> {
        Arc::new(TestClock(tokio::time::Instant::now()))
    }
}

#[async_trait]
impl Clock for TestClock {
    fn now(&self) -> Moment {
        let uptime = self.0.elapsed();
        Moment {
            wall: Timestamp::UNIX_EPOCH + uptime,
            uptime,
        }
    }

    async fn sleep_until(&self, uptime: Duration) {
        tokio::time::sleep_until(self.0 + uptime).await;
    }
}

/// One request as the scripted Azure saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Value,
}

/// One scripted answer: status, headers, body.
pub(crate) type Answer = (u16, Vec<(&'static str, String)>, Value);

/// An Azure in memory that answers by the end of a request's path. The last answer of a route
/// is given for ever; a route that nobody scripted is a 404.
#[derive(Default)]
pub(crate) struct FakeAzure {
    routes: Mutex<Vec<(String, String, VecDeque<Answer>)>>,
    seen: Mutex<Vec<Seen>>,
}

impl std::fmt::Debug for FakeAzure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("FakeAzure")
    }
}

impl FakeAzure {
    pub(crate) fn new() -> Arc<FakeAzure> {
        Arc::default()
    }

    /// Adds an answer to a route.
    pub(crate) fn on(&self, method: &str, end: &str, status: u16, body: Value) -> &FakeAzure {
        self.on_with(method, end, (status, Vec::new(), body))
    }

    /// Adds an answer with headers to a route.
    pub(crate) fn on_with(&self, method: &str, end: &str, answer: Answer) -> &FakeAzure {
        let mut routes = self.routes.lock().unwrap();
        let end = end.to_lowercase();
        match routes.iter_mut().find(|(m, e, _)| m == method && *e == end) {
            Some((_, _, answers)) => answers.push_back(answer),
            None => routes.push((method.to_owned(), end, VecDeque::from([answer]))),
        }
        self
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Returns every changing request.
    pub(crate) fn changes(&self) -> Vec<Seen> {
        self.seen()
            .into_iter()
            .filter(|seen| seen.method != "GET")
            .collect()
    }

    pub(crate) fn arm(self: &Arc<FakeAzure>) -> Arm {
        let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
        Arm::new(
            endpoint,
            Credential::simulator(),
            Some(self.clone()),
            TestClock::new(),
        )
        .unwrap()
    }
}

#[async_trait]
impl HttpClient for FakeAzure {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let path = request.url().path().to_owned();
        let method = request.method().as_str().to_owned();
        let body = match request.body() {
            Body::Bytes(bytes) => serde_json::from_slice(bytes).unwrap_or(Value::Null),
            Body::SeekableStream(_) => Value::Null,
        };
        self.seen.lock().unwrap().push(Seen {
            method: method.clone(),
            path: path.clone(),
            query: request.url().query().unwrap_or_default().to_owned(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_str().to_owned()))
                .collect(),
            body,
        });
        let mut routes = self.routes.lock().unwrap();
        let folded = path.to_lowercase();
        let route = routes
            .iter_mut()
            .find(|(m, end, _)| *m == method && folded.ends_with(end.as_str()));
        let (status, headers, body) = match route {
            Some((_, _, answers)) if answers.len() > 1 => answers.pop_front().unwrap(),
            Some((_, _, answers)) => answers[0].clone(),
            None => {
                let message = format!("nobody scripted {method} {path}");
                (
                    404,
                    Vec::new(),
                    json!({"error": {"code": "ResourceNotFound", "message": message}}),
                )
            }
        };
        let mut kept = Headers::new();
        for (name, value) in headers {
            kept.insert(name.to_ascii_lowercase(), value);
        }
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        Ok(AsyncRawResponse::from_bytes(status.into(), kept, body))
    }
}

struct NoFiles;

impl Files for NoFiles {
    fn read(&self, _path: &str) -> Option<Vec<u8>> {
        None
    }
}

/// Makes the context of one step, from westeurope to northeurope; `with`, and `at` of both sides.
pub(crate) fn context(kind: &str, journey: Journey, with: Value, source: Value, target: Value) -> Context {
    let mut settings = with;
    if let (Value::Object(all), Value::Object(side)) = (&mut settings, &target) {
        all.extend(side.clone());
    }
    let step = Arc::new(PlannedStep {
        id: StepId::new("step"),
        kind: kind.to_owned(),
        summary: None,
        after: Vec::new(),
        when: None,
        settings: settings.clone(),
        source: source.clone(),
        target: target.clone(),
        data_loss: None,
        timeout: Duration::from_secs(1800),
        retry: Retry {
            attempts: 4,
            backoff_from: Duration::from_secs(10),
            backoff_to: Duration::from_secs(120),
        },
        goal: None,
        repeat_safe: false,
        on_failure: OnFailure::Block,
        verify: Vec::new(),
        ends_recovery: false,
        before_recovery: true,
        critical: true,
        forecast: Duration::from_secs(60),
        remaining: Duration::from_secs(60),
    });
    let region = |side, region: &str| Region {
        side,
        region: region.to_owned(),
    };
    let plan = Plan {
        format: PLAN_FORMAT,
        runbook: "test".to_owned(),
        summary: String::new(),
        journey,
        source: region(Side::Primary, "westeurope"),
        target: region(Side::Paired, "northeurope"),
        region_down: false,
        objectives: Objectives::default(),
        parameters: BTreeMap::from([("subscription".to_owned(), json!("sub-1"))]),
        steps: vec![step.clone()],
        files: BTreeMap::new(),
        critical_path: Vec::new(),
        forecast: Duration::from_secs(60),
    };
    Context {
        run: RunId("r-1".to_owned()),
        plan: Arc::new(plan),
        step,
        settings: Arc::new(settings),
        source: Arc::new(source),
        target: Arc::new(target),
        source_region: SourceRegion::Open,
        outage_since: None,
        files: Arc::new(NoFiles),
    }
}

/// Returns the same context after the outage was declared.
pub(crate) fn region_down(mut context: Context) -> Context {
    let mut plan = (*context.plan).clone();
    plan.region_down = true;
    context.plan = Arc::new(plan);
    context.source_region = SourceRegion::Closed;
    context.outage_since = "2026-11-24T08:00:00Z".parse().ok();
    context
}

/// Makes the key of a first send that may still be made.
pub(crate) fn key(operation: &str) -> AttemptKey {
    AttemptKey {
        run: RunId("r-1".to_owned()),
        step: StepId::new("step"),
        operation: OperationId::new(operation),
        attempt: 1,
        send: 1,
        send_before: Duration::from_secs(30),
    }
}

/// Returns the folder of official data, or nothing where this machine has none.
pub(crate) fn azure_api() -> Option<PathBuf> {
    let folder = std::env::var_os("LEEWARD_AZURE_API").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/azure-api"),
        PathBuf::from,
    );
    folder.is_dir().then_some(folder)
}

/// Returns the exchanges of a recording; none, and loudly, where this machine has none.
pub(crate) fn recording(name: &str) -> Vec<Value> {
    let file = read_json(&format!("recordings/{name}.json"));
    file.and_then(|file| file["interactions"].as_array().cloned())
        .unwrap_or_default()
}

/// Returns the official example of that name; none, and loudly, where this machine has none.
pub(crate) fn examples(folder: &str, name: &str) -> Option<Value> {
    read_json(&format!("specification/{folder}/{name}"))
}

/// Reads a file of the official data.
pub(crate) fn read_json(path: &str) -> Option<Value> {
    let Some(folder) = azure_api() else {
        eprintln!(
            "passed over: {path} is not here; LEEWARD_AZURE_API names the folder of Azure's official data"
        );
        return None;
    };
    let text = std::fs::read_to_string(folder.join(path)).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

/// A public side of the world in memory: one answer for everything.
pub(crate) struct FakePublic {
    answer: Result<(u16, Vec<u8>), PublicError>,
    seen: Mutex<Vec<PublicRequest>>,
}

impl FakePublic {
    fn new(answer: Result<(u16, Vec<u8>), PublicError>) -> Arc<FakePublic> {
        Arc::new(FakePublic {
            answer,
            seen: Mutex::default(),
        })
    }

    pub(crate) fn answering(status: u16, body: &str) -> Arc<FakePublic> {
        FakePublic::new(Ok((status, body.as_bytes().to_vec())))
    }

    /// Nobody listens anywhere.
    pub(crate) fn silent() -> Arc<FakePublic> {
        FakePublic::new(Err(PublicError::not_sent("nobody is there")))
    }

    /// Whatever is sent may have arrived.
    pub(crate) fn losing() -> Arc<FakePublic> {
        FakePublic::new(Err(PublicError::lost("the connection was cut")))
    }

    pub(crate) fn requests(&self) -> Vec<PublicRequest> {
        self.seen.lock().unwrap().clone()
    }
}

#[async_trait]
impl PublicWire for FakePublic {
    async fn http(&self, request: &PublicRequest) -> Result<PublicReply, PublicError> {
        self.seen.lock().unwrap().push(request.clone());
        let (status, body) = self.answer.clone()?;
        Ok(PublicReply {
            status,
            headers: Vec::new(),
            body,
        })
    }

    async fn connect(&self, _: &str, _: u16, _: Duration) -> Result<(), PublicError> {
        self.answer.clone().map(|_| ())
    }
}

/// Files of a plan, by path.
pub(crate) struct FakeFiles(pub(crate) BTreeMap<String, Vec<u8>>);

impl Files for FakeFiles {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.0.get(path).cloned()
    }
}

/// Returns the same context with pinned files.
pub(crate) fn with_files(mut context: Context, files: &[(&str, &[u8])]) -> Context {
    let mut plan = (*context.plan).clone();
    let mut all = BTreeMap::new();
    for (path, bytes) in files {
        plan.files
            .insert((*path).to_owned(), blake3::hash(bytes).to_hex().to_string());
        all.insert((*path).to_owned(), bytes.to_vec());
    }
    context.plan = Arc::new(plan);
    context.files = Arc::new(FakeFiles(all));
    context
}

/// Everything that drivers reach the world through, with nobody there but Azure.
pub(crate) fn seams(arm: Arm) -> Seams {
    Seams {
        arm,
        public: FakePublic::silent(),
        clusters: Arc::new(PretendedClusters::new(FakePublic::silent())),
        commands: Arc::new(NoCommands),
    }
}

/// Starts nothing.
pub(crate) struct NoCommands;

#[async_trait]
impl CommandRunner for NoCommands {
    async fn run(&self, _: &CommandLine) -> CommandOutcome {
        CommandOutcome::NotStarted {
            reason: "nobody".to_owned(),
        }
    }
}

/// A goal that holds once a port answers.
pub(crate) fn proven_by_a_port() -> Goal {
    Goal::Check(Check {
        kind: "check.tcp".to_owned(),
        settings: json!({"host": "10.0.0.1", "port": 5432}),
        within: Duration::from_secs(60),
        hold: Duration::ZERO,
        every: Duration::from_secs(5),
    })
}
