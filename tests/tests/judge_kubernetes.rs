//! Does Kubernetes' own API server take our applies as we believe it does?
//!
//! A real server of Debian's source with etcd behind it, started by the test, reached over TLS by its own authority.
//! Nothing runs there: no controller makes a deployment ready but the test. `tests/judges/install kubernetes` builds
//! it, which takes minutes; where it is missing the test says so and passes over.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::{
    env,
    fs::{self, File},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use leeward_acceptance::stage::{Book, Planned};
use leeward_azure::{
    arm::{Arm, Endpoint, NetworkSettings, SystemClock},
    credential::Credential,
    registry::{Registry, Seams},
    seams::{ClusterAccess, ClusterRequest, ClusterWire, Clusters, Direct, LocalCommands},
};
use leeward_cli::{commands::plan::on_paper, ports::folder::PlanFiles, rehearsal::Outage};
use leeward_engine::{
    id::{AttemptKey, RunId},
    port::{Clock, Context, Driver, DriverError, Drivers, Files},
    work::{Observation, Operation, Progress, Sent},
};
use leeward_runbook::journey::Journey;
use serde_json::{Value, json};

const TOKEN: &str = "the-token-of-the-judge";

/// Returns the server's program, or nothing where it was never built.
fn program() -> Option<PathBuf> {
    let targets = env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    let found = targets
        .into_iter()
        .chain([own])
        .map(|target| target.join("judges/kubernetes/kube-apiserver"));
    found.into_iter().find(|path| path.is_file())
}

/// Programs that end with the test.
struct Running(Vec<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn started(command: &mut Command, log: &Path) -> Child {
    let log = File::create(log).unwrap();
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// A server, and a kubeconfig for it.
struct Server {
    _running: Running,
    folder: tempfile::TempDir,
    clock: Arc<dyn Clock>,
    wire: Arc<Clusters>,
    access: ClusterAccess,
}

async fn server(program: &Path) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (store, peer, port) = (free_port(), free_port(), free_port());
    let store = format!("http://127.0.0.1:{store}");
    let peer = format!("http://127.0.0.1:{peer}");
    let mut running = Running(Vec::new());
    running.0.push(started(
        Command::new("etcd")
            .args(["--data-dir", &at("etcd"), "--unsafe-no-fsync"])
            .args(["--listen-client-urls", &store, "--advertise-client-urls", &store])
            .args([
                "--listen-peer-urls",
                &peer,
                "--initial-advertise-peer-urls",
                &peer,
            ])
            .args(["--initial-cluster", &format!("default={peer}")]),
        &folder.path().join("etcd.log"),
    ));
    let key = aws_key();
    fs::write(folder.path().join("accounts.key"), key).unwrap();
    let tokens = format!("{TOKEN},judge,judge,\"system:masters\"\n");
    fs::write(folder.path().join("tokens.csv"), tokens).unwrap();
    let mut api = Command::new(program);
    for (name, value) in [
        ("etcd-servers", store),
        ("bind-address", "127.0.0.1".to_owned()),
        ("advertise-address", "127.0.0.1".to_owned()),
        ("secure-port", port.to_string()),
        ("insecure-port", "0".to_owned()),
        ("cert-dir", at("certificates")),
        ("service-account-key-file", at("accounts.key")),
        ("service-account-signing-key-file", at("accounts.key")),
        (
            "service-account-issuer",
            "https://kubernetes.default.svc".to_owned(),
        ),
        ("token-auth-file", at("tokens.csv")),
        ("authorization-mode", "RBAC".to_owned()),
        ("service-cluster-ip-range", "10.96.0.0/16".to_owned()),
        ("disable-admission-plugins", "ServiceAccount".to_owned()),
    ] {
        api.arg(format!("--{name}={value}"));
    }
    running.0.push(started(&mut api, &folder.path().join("api.log")));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let wire = Arc::new(Clusters::new(clock.clone(), NetworkSettings::direct()));
    for _ in 0..240 {
        tokio::time::sleep(Duration::from_millis(250)).await;
        // The server makes itself a certificate, with the authority behind it.
        let Ok(chain) = fs::read_to_string(folder.path().join("certificates/apiserver.crt")) else {
            continue;
        };
        let access = ClusterAccess {
            server: format!("https://127.0.0.1:{port}").parse().unwrap(),
            authority: Some(chain),
            token: Some(TOKEN.to_owned().into()),
            identity: None,
        };
        let ready = ask(&*wire, &access, "GET", "/readyz", "", "").await;
        if ready.is_some_and(|(status, _)| status == 200) {
            return Server {
                _running: running,
                folder,
                clock,
                wire,
                access,
            };
        }
    }
    let log = fs::read_to_string(folder.path().join("api.log")).unwrap_or_default();
    panic!("the server does not come up: {log}");
}

/// Makes a key for the server's own tokens, which nobody here uses.
fn aws_key() -> String {
    let made = Command::new("openssl")
        .args(["genrsa", "2048"])
        .stderr(Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(made.stdout).unwrap()
}

async fn ask(
    wire: &dyn ClusterWire,
    access: &ClusterAccess,
    method: &'static str,
    path: &str,
    kind: &'static str,
    body: &str,
) -> Option<(u16, Value)> {
    let request = ClusterRequest {
        method,
        path: path.to_owned(),
        content_type: (!kind.is_empty()).then_some(kind),
        body: body.as_bytes().to_vec(),
        within: Duration::from_secs(20),
        send_before: None,
    };
    let reply = wire.ask(access, &request).await.ok()?;
    Some((
        reply.status,
        serde_json::from_slice(&reply.body).unwrap_or_default(),
    ))
}

impl Server {
    async fn ask(&self, method: &'static str, path: &str, kind: &'static str, body: &str) -> (u16, Value) {
        ask(&*self.wire, &self.access, method, path, kind, body)
            .await
            .unwrap()
    }

    fn kubeconfig(&self, token: &str) -> String {
        use base64_of::encode;
        let config = json!({
            "current-context": "judge",
            "contexts": [{"name": "judge", "context": {"cluster": "judge", "user": "judge"}}],
            "clusters": [{"name": "judge", "cluster": {
                "server": self.access.server.as_str().trim_end_matches('/'),
                "certificate-authority-data": encode(self.access.authority.as_deref().unwrap().as_bytes()),
            }}],
            "users": [{"name": "judge", "user": {"token": token}}],
        });
        let path = self.folder.path().join(format!("kubeconfig-{token}"));
        fs::write(&path, config.to_string()).unwrap();
        path.display().to_string()
    }

    fn driver(&self) -> Arc<dyn Driver> {
        let endpoint = Endpoint::parse("http://127.0.0.1:1").unwrap();
        let arm = Arm::new(endpoint, Credential::simulator(), None, self.clock.clone()).unwrap();
        let registry = Registry::new(&Seams {
            arm,
            public: Arc::new(Direct::new(self.clock.clone())),
            clusters: self.wire.clone(),
            commands: Arc::new(LocalCommands::new(self.clock.clone())),
        });
        registry.of("kubernetes.apply").unwrap()
    }

    async fn begin(
        &self,
        driver: &Arc<dyn Driver>,
        context: &Context,
        operation: &Operation,
        send: u32,
    ) -> Sent {
        let key = AttemptKey {
            run: context.run.clone(),
            step: context.step.id.clone(),
            operation: operation.id.clone(),
            attempt: 1,
            send,
            send_before: self.clock.now().uptime + Duration::from_secs(30),
        };
        driver.begin(context, operation, "only", &key).await
    }
}

/// Base64, for a kubeconfig.
mod base64_of {
    pub(super) fn encode(bytes: &[u8]) -> String {
        const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::new();
        for chunk in bytes.chunks(3) {
            let mut word = 0u32;
            for place in 0..3 {
                word = word << 8 | u32::from(chunk.get(place).copied().unwrap_or_default());
            }
            for place in 0..4 {
                match place <= chunk.len() {
                    true => text.push(char::from(LETTERS[(word >> (18 - 6 * place) & 63) as usize])),
                    false => text.push('='),
                }
            }
        }
        text
    }
}

const RUNBOOK: &str = r#"leeward: 1
name: judged
summary: Manifests for a cluster that is judged.
regions: { primary: westeurope, paired: northeurope }
objectives: { rto: 30m, rpo: 10m }
steps:
  shop:
    use: kubernetes.apply
    with: { kubeconfig: "file:CONFIG", manifests: manifests/, namespace: front, ready-within: 5m, conflicts: HOW }
"#;

const MANIFESTS: &str = r#"apiVersion: v1
kind: Namespace
metadata: { name: front }
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: offers.example.test }
spec:
  group: example.test
  scope: Namespaced
  names: { kind: Offer, plural: offers, singular: offer, listKind: OfferList }
  versions:
    - name: v1
      served: true
      storage: true
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: shop }
data: { greeting: hello }
---
apiVersion: v1
kind: Secret
metadata: { name: shop }
stringData: { key: "file:SECRET" }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: "shop:reader" }
rules: [{ apiGroups: [""], resources: [configmaps], verbs: [get] }]
---
apiVersion: example.test/v1
kind: Offer
metadata: { name: first }
spec: { price: 7 }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: shop }
spec:
  replicas: 2
  selector: { matchLabels: { app: shop } }
  template:
    metadata: { labels: { app: shop } }
    spec:
      containers:
        - name: shop
          image: "example.test/shop:1"
          resources: { requests: { cpu: 500m, memory: 1Gi } }
---
apiVersion: v1
kind: Service
metadata: { name: shop }
spec: { selector: { app: shop }, ports: [{ name: http, port: 80, targetPort: 8080, protocol: TCP }] }
"#;

/// Plans the runbook and returns its context.
fn planned(config: &str, secret: &str, how: &str) -> (Book, Planned) {
    let runbook = RUNBOOK.replace("CONFIG", config).replace("HOW", how);
    let manifests = MANIFESTS.replace("SECRET", secret);
    let book = Book::written_with(&runbook, "{}\n", &[("manifests/all.yaml", manifests.as_bytes())]);
    let planned = book.plan(Journey::Failover, Outage::BothUp);
    (book, planned)
}

fn context(planned: &Planned, run: &str) -> Context {
    let files: Arc<dyn Files> = Arc::new(PlanFiles::of(&planned.plan, &planned.files));
    let plan = Arc::new(planned.plan.clone());
    Context {
        run: RunId(run.to_owned()),
        ..on_paper(&plan, &plan.steps[0], &files)
    }
}

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/front/deployments/shop";

#[tokio::test]
async fn kubernetes_own_server_takes_our_applies_as_we_believe() {
    let Some(program) = program() else {
        // Not required anywhere: CI does not build it.
        eprintln!(
            "PASSED OVER: judge_kubernetes: its server is not built; `tests/judges/install kubernetes` does that"
        );
        return;
    };
    let server = server(&program).await;
    let secret = server.folder.path().join("secret");
    fs::write(&secret, "correct-horse\n").unwrap();
    let secret = secret.display().to_string();
    let (_book, plan) = planned(&server.kubeconfig(TOKEN), &secret, "refuse");
    let first = context(&plan, "r-first");
    let driver = server.driver();
    let assessed = driver.assess(&first).await.unwrap();
    assert!(assessed.summary.contains("which is v"), "{}", assessed.summary);
    assert_eq!(assessed.operations.len(), 8);

    // Each is not begun, is applied once, and is then as its manifest says, by us.
    for operation in &assessed.operations {
        let seen = driver.observe(&first, operation).await;
        assert!(
            matches!(seen, Observation::NotBegun { .. }),
            "{}: {seen:?}",
            operation.id
        );
        let mut sent = server.begin(&driver, &first, operation, 1).await;
        let told = format!("{}: {sent:?}", operation.id);
        if operation.id.as_str().contains("deployment") {
            assert!(matches!(sent, Sent::Accepted { .. }), "{told}");
            let seen = driver.observe(&first, operation).await;
            assert!(
                matches!(seen, Observation::InMotion { ticket: Some(_), .. }),
                "{seen:?}"
            );
            continue;
        }
        // A definition is established by the server itself, a moment later.
        for _ in 0..100 {
            let Sent::Accepted { ticket } = &sent else { break };
            tokio::time::sleep(Duration::from_millis(100)).await;
            if let Progress::Succeeded { outputs, warnings } = driver.poll(&first, operation, ticket).await {
                sent = Sent::Finished { outputs, warnings };
            }
        }
        assert!(matches!(sent, Sent::Finished { .. }), "{told}");
        let seen = driver.observe(&first, operation).await;
        assert!(
            matches!(seen, Observation::Holds { ours: true, .. }),
            "{}: {seen:?}",
            operation.id
        );
    }
    let (_, held) = server
        .ask("GET", "/api/v1/namespaces/front/secrets/shop", "", "")
        .await;
    assert_eq!(held["data"]["key"], base64_of::encode(b"correct-horse"));

    // A second send means the same: nothing changes, not even the version or the time of our fields.
    for operation in &assessed.operations {
        let path = match operation.id.as_str() {
            "apply/deployment/front/shop" => DEPLOYMENT,
            "apply/configmap/front/shop" => "/api/v1/namespaces/front/configmaps/shop",
            "apply/secret/front/shop" => "/api/v1/namespaces/front/secrets/shop",
            "apply/service/front/shop" => "/api/v1/namespaces/front/services/shop",
            "apply/offer.example.test/front/first" => "/apis/example.test/v1/namespaces/front/offers/first",
            _ => continue,
        };
        let (_, before) = server.ask("GET", path, "", "").await;
        let sent = server.begin(&driver, &first, operation, 2).await;
        assert!(
            matches!(sent, Sent::Finished { .. } | Sent::Accepted { .. }),
            "{sent:?}"
        );
        let (_, after) = server.ask("GET", path, "", "").await;
        assert_eq!(
            before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"],
            "{path}"
        );
        assert_eq!(before["metadata"]["generation"], after["metadata"]["generation"]);
    }

    // It is ready when its controller says so; here that is us.
    let deployment = assessed
        .operations
        .iter()
        .find(|one| one.id.as_str().contains("deployment"))
        .unwrap();
    let Sent::Accepted { ticket } = server.begin(&driver, &first, deployment, 3).await else {
        panic!("it was ready before anything ran");
    };
    let progress = driver.poll(&first, deployment, &ticket).await;
    assert!(matches!(progress, Progress::Running { .. }), "{progress:?}");
    let status = json!({"status": {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}});
    let path = format!("{DEPLOYMENT}/status");
    let (taken, _) = server
        .ask(
            "PATCH",
            &path,
            "application/merge-patch+json",
            &status.to_string(),
        )
        .await;
    assert_eq!(taken, 200);
    let progress = driver.poll(&first, deployment, &ticket).await;
    assert!(matches!(progress, Progress::Succeeded { .. }), "{progress:?}");

    conflicts(&server, &driver, &secret).await;
    strangers(&server, &secret).await;
}

/// Somebody else changes what we applied, and owns it from then on.
async fn conflicts(server: &Server, driver: &Arc<dyn Driver>, secret: &str) {
    let path = format!("{DEPLOYMENT}?fieldManager=kubectl");
    let scaled = json!({"spec": {"replicas": 5}}).to_string();
    let (status, _) = server
        .ask("PATCH", &path, "application/merge-patch+json", &scaled)
        .await;
    assert_eq!(status, 200);
    for (how, ends_well) in [("refuse", false), ("take", true)] {
        let (_book, plan) = planned(&server.kubeconfig(TOKEN), secret, how);
        let context = context(&plan, "r-second");
        let assessed = driver.assess(&context).await.unwrap();
        let deployment = assessed
            .operations
            .iter()
            .find(|one| one.id.as_str().contains("deployment"))
            .unwrap();
        let sent = server.begin(driver, &context, deployment, 1).await;
        match (ends_well, &sent) {
            (true, Sent::Accepted { .. } | Sent::Finished { .. }) => {}
            (false, Sent::Refused(refusal)) => {
                assert!(!refusal.passing);
                let message = &refusal.message;
                assert!(
                    message.contains(".spec.replicas") && message.contains("kubectl"),
                    "{message}"
                );
            }
            _ => panic!("{how}: {sent:?}"),
        }
    }
    let (_, held) = server.ask("GET", DEPLOYMENT, "", "").await;
    assert_eq!(held["spec"]["replicas"], 2);
}

/// Whoever has another token, or asks for what the server's schema does not allow.
async fn strangers(server: &Server, secret: &str) {
    let (_book, plan) = planned(&server.kubeconfig("somebody"), secret, "refuse");
    let refused = server.driver().assess(&context(&plan, "r-third")).await;
    assert!(
        matches!(&refused, Err(DriverError::Refused { passing: true, .. })),
        "{refused:?}"
    );
    let (status, body) = server
        .ask(
            "PATCH",
            "/api/v1/namespaces/nowhere/configmaps/shop?fieldManager=leeward",
            "application/apply-patch+yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop}\n",
        )
        .await;
    assert_eq!(
        (status, body["message"].as_str().unwrap()),
        (404, "namespaces \"nowhere\" not found")
    );
    // What does not fit the schema is said with 500, and has changed nothing all the same.
    let (status, body) = server
        .ask(
            "PATCH",
            "/apis/apps/v1/namespaces/front/deployments/misfit?fieldManager=leeward",
            "application/apply-patch+yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: misfit}\nspec: {replicas: many}\n",
        )
        .await;
    let message = body["message"].as_str().unwrap();
    assert!(
        status == 500 && message.starts_with("failed to create typed patch object"),
        "{status} {message}"
    );
    let (status, _) = server
        .ask("GET", "/apis/apps/v1/namespaces/front/deployments/misfit", "", "")
        .await;
    assert_eq!(status, 404);
    let (status, body) = server.ask("GET", "/apis/example.test/v9", "", "").await;
    assert_eq!(status, 404, "{body}");
}
