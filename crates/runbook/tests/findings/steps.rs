//! One mistake of a step each, and the codes of what is told about it: a table.

/// What is wrong, the steps, and the codes that must be told.
pub(crate) const STEPS: &[(&str, &str, &[&str])] = &[
    ("no use", "  a: { after: [] }", &["LW0106"]),
    ("no steps", "  {}", &["LW0107"]),
    (
        "after is a word",
        "  a: { use: gate.approval }\n  b: { use: gate.approval, after: a }",
        &["LW0107"],
    ),
    (
        "unknown step",
        "  a: { use: gate.approval, after: [b] }",
        &["LW0102"],
    ),
    (
        "waits for itself",
        "  a: { use: gate.approval, after: [a] }",
        &["LW0113"],
    ),
    (
        "unknown setting",
        "  a: { use: gate.approval, with: { four-eye: true } }",
        &["LW0105"],
    ),
    (
        "location written",
        "  a: { use: gate.approval, with: { location: westeurope } }",
        &["LW0105"],
    ),
    (
        "empty setting",
        "  a: { use: gate.approval, with: { expires: } }",
        &["LW0107"],
    ),
    (
        "wrong flag",
        "  a: { use: gate.approval, with: { four-eyes: yes } }",
        &["LW0107"],
    ),
    (
        "bare number",
        "  a: { use: gate.approval, with: { expires: 15 } }",
        &["LW0108"],
    ),
    (
        "odd duration",
        "  a: { use: gate.approval, timeout: soon }",
        &["LW0108"],
    ),
    (
        "odd backoff",
        "  a: { use: gate.approval, retry: { attempts: 0, backoff: 2m..10s } }",
        &["LW0107", "LW0107"],
    ),
    (
        "odd journey",
        "  a: { use: gate.approval, in: [failover, fallback] }",
        &["LW0107"],
    ),
    (
        "journey not of kind",
        "  a: { use: gate.approval, in: [reprotect] }",
        &["LW0123"],
    ),
    ("odd name", "  Step One: { use: gate.approval }", &["LW0110"]),
    (
        "odd azure name",
        "  a: { use: azure.traffic-manager.profile, with: { profile: a/b, resource-group: g }, at: { primary: { endpoint: x }, paired: { endpoint: y } } }",
        &["LW0110"],
    ),
    ("unknown kind", "  a: { use: azure.aks }", &["LW0111"]),
    (
        "unreadable expression",
        "  a: { use: check.tcp, with: { host: \"${{ params. }}\", port: 1 } }",
        &["LW0114"],
    ),
    (
        "unclosed expression",
        "  a: { use: check.tcp, with: { host: \"${{ params.x\", port: 1 } }",
        &["LW0114"],
    ),
    (
        "when made of two wrapped halves",
        "  a: { use: gate.approval, when: \"${{ region-down }} && ${{ region-down }}\" }",
        &["LW0114"],
    ),
    (
        "unknown parameter",
        "  a: { use: check.tcp, with: { host: \"${{ params.subscripton }}\", port: 1 } }",
        &["LW0115"],
    ),
    (
        "unknown name",
        "  a: { use: gate.approval, when: \"journey == failover\" }",
        &["LW0115"],
    ),
    (
        "environment in a step",
        "  a: { use: check.tcp, with: { host: \"${{ env.HOST }}\", port: 1 } }",
        &["LW0115"],
    ),
    (
        "computed step",
        "  a: { use: check.tcp, with: { host: \"${{ steps[params.subscription].outputs.x }}\", port: 1 } }",
        &["LW0115"],
    ),
    (
        "unknown step in expression",
        "  a: { use: check.tcp, with: { host: \"${{ steps.b.outputs.x }}\", port: 1 } }",
        &["LW0102"],
    ),
    (
        "unknown output",
        "  a: { use: gate.approval }\n  b: { use: check.tcp, in: [failover], with: { host: \"${{ steps.a.outputs.bye }}\", port: 1 } }",
        &["LW0116"],
    ),
    (
        "output of a step that is not there",
        "  a: { use: gate.approval }\n  b: { use: check.tcp, with: { host: \"${{ steps.a.outputs.by }}\", port: 1 } }",
        &["LW0117"],
    ),
    (
        "reads its own output",
        "  a: { use: check.http, with: { url: \"${{ steps.a.outputs.status }}\" } }",
        &["LW0113"],
    ),
    (
        "side missing",
        "  a: { use: azure.traffic-manager.profile, with: { profile: t, resource-group: g }, at: { paired: { endpoint: y } } }",
        &["LW0118"],
    ),
    (
        "key missing at a side",
        "  a: { use: azure.traffic-manager.profile, with: { profile: t, resource-group: g }, at: { primary: { endpoint: x }, paired: { endpoint-type: azure } } }",
        &["LW0106"],
    ),
    (
        "key of a side missing for an expression",
        "  a: { use: check.tcp, with: { host: \"${{ target.address }}\", port: 1 }, at: { primary: { address: x }, paired: { adress: y } } }",
        &["LW0118"],
    ),
    (
        "loss unsaid",
        "  a: { use: azure.storage.object-replication, with: { resource-group: g }, at: { primary: { account: x }, paired: { account: y } } }",
        &["LW0119"],
    ),
    (
        "loss without meaning",
        "  a: { use: gate.approval, data-loss: { budget: 1m } }",
        &["LW0133"],
    ),
    (
        "unknown rung",
        "  a: { use: azure.storage.object-replication, with: { resource-group: g }, at: { primary: { account: x }, paired: { account: y } }, data-loss: { ladder: [force] } }",
        &["LW0120"],
    ),
    (
        "ladder upside down",
        "  a: { use: azure.sql.managed-instance-failover-group, with: { failover-group: f, resource-group: g }, data-loss: { ladder: [forced, planned] } }",
        &["LW0120"],
    ),
    (
        "budget too large",
        "  a: { use: azure.sql.managed-instance-failover-group, with: { failover-group: f, resource-group: g }, data-loss: { budget: 11m } }",
        &["LW0121"],
    ),
    (
        "no goal",
        "  a: { use: run.command, with: { command: [make-it-so] } }",
        &["LW0122"],
    ),
    (
        "condition without a resource",
        "  a: { use: run.command, with: { command: [x] }, goal: \"status == 200\" }",
        &["LW0133"],
    ),
    (
        "drill without clean-up",
        "  a: { use: run.command, in: [drill], with: { command: [x] }, repeat: safe }",
        &["LW0124"],
    ),
    (
        "machines by a tag",
        "  a: { use: azure.site-recovery.virtual-machines, in: [failover], with: { vault: { name: v, resource-group: g }, select: { tag: { name: role, value: web } } }, data-loss: { budget: 1m } }",
        &["LW0135"],
    ),
    (
        "at-least too large",
        "  a: { use: azure.site-recovery.virtual-machines, in: [failover], with: { vault: { name: v, resource-group: g }, select: { names: [x] }, at-least: 2 }, data-loss: { budget: 1m } }",
        &["LW0126"],
    ),
    (
        "no drill network",
        "  a: { use: azure.site-recovery.virtual-machines, with: { vault: { name: v, resource-group: g }, select: { names: [x] } }, data-loss: { budget: 1m } }",
        &["LW0129"],
    ),
    (
        "same target",
        "  a: { use: azure.storage.geo-failover, with: { account: x, resource-group: g }, data-loss: { budget: 1m } }\n  b: { use: azure.storage.geo-failover, with: { account: X, resource-group: g }, data-loss: { budget: 1m } }",
        &["LW0127"],
    ),
    (
        "same machine",
        "  a: { use: azure.site-recovery.virtual-machines, in: [failover], with: { vault: { name: v, resource-group: g }, select: { names: [x, y, X] } }, data-loss: { budget: 1m } }",
        &["LW0127"],
    ),
    (
        "setting in the wrong place",
        "  a: { use: azure.traffic-manager.profile, with: { profile: t, resource-group: g, endpoint: e }, at: { primary: { endpoint: x, profile: t }, paired: { endpoint: y } } }",
        &["LW0133", "LW0133"],
    ),
    (
        "secret that stays",
        "  a: { use: notify.webhook, with: { url: \"env:HOOK\", message: hi } }",
        &["LW0131"],
    ),
    (
        "a real switch in a drill",
        "  a: { use: azure.sql.managed-instance-failover-group, with: { failover-group: f, resource-group: g, real: planned }, data-loss: { budget: 1m } }",
        &["LW0138"],
    ),
    (
        "a lag that nobody can tell in an outage",
        "  a: { use: check.sql, with: { server: s, database: d, lag: 30s } }",
        &["LW0139"],
    ),
    (
        "a script that is none, and a password of nobody",
        "  a: { use: azure.vm.run-command, with: { machine: m, resource-group: g, as-user-password: \"file:p\" }, repeat: safe }",
        &["LW0106", "LW0106", "LW0131"],
    ),
    (
        "a name of which nothing is expected",
        "  a: { use: check.dns, with: { name: shop.test } }",
        &["LW0106"],
    ),
    (
        "a certificate of nobody",
        "  a: { use: check.tls, with: { days-left: 30 } }",
        &["LW0106"],
    ),
    (
        "nothing to send",
        "  a: { use: notify.webhook, with: { url: \"https://a.example.test/\" } }",
        &["LW0106"],
    ),
    (
        "two waits",
        "  a: { use: gate.wait, with: { for: 5m, until: tomorrow } }",
        &["LW0107", "LW0107"],
    ),
    (
        "unknown check",
        "  a: { use: gate.approval, verify: [{ htp: { url: \"https://a.example.test/\" } }] }",
        &["LW0111"],
    ),
    (
        "check without a port",
        "  a: { use: gate.approval, verify: [{ tcp: { host: a } }] }",
        &["LW0106"],
    ),
    (
        "consumer that is two things",
        "  a: { use: azure.storage.object-replication, with: { resource-group: g, consumers: [{ app-setting: { app: shop, name: S }, key-vault-secret: { vault: v, name: s } }] }, at: { primary: { account: x }, paired: { account: y } }, data-loss: { budget: 1m } }",
        &["LW0107"],
    ),
    (
        "consumer that holds a key",
        "  a: { use: azure.storage.object-replication, with: { resource-group: g, consumers: [{ app-setting: { app: shop, name: S, value: \"DefaultEndpointsProtocol=https;AccountName=y;AccountKey=abc==\" } }] }, at: { primary: { account: x }, paired: { account: y } }, data-loss: { budget: 1m } }",
        &["LW0107"],
    ),
    (
        "consumer without a name",
        "  a: { use: azure.storage.object-replication, with: { resource-group: g, consumers: [{ key-vault-secret: { vault: v } }] }, at: { primary: { account: x }, paired: { account: y } }, data-loss: { budget: 1m } }",
        &["LW0106"],
    ),
    (
        "secret that nobody resolves",
        "  a: { use: notify.webhook, with: { url: \"key-vault:vault/hook\", message: hi } }",
        &["LW0135"],
    ),
    (
        "secret of a proof that stays",
        "  a: { use: gate.approval, verify: [{ sql: { server: s.example.test, database: d, statement: SELECT 1, user: u, password: \"env:WORD\" } }] }",
        &["LW0131"],
    ),
    (
        "secret of a goal that nobody resolves",
        "  a: { use: run.command, with: { command: [x] }, goal: { sql: { server: s.example.test, database: d, statement: SELECT 1, user: u, password: \"key-vault:v/w\" } } }",
        &["LW0135"],
    ),
    (
        "check of a gate without a port",
        "  a: { use: gate.manual, with: { instructions: do it, check: { tcp: { host: a } } } }",
        &["LW0106"],
    ),
    (
        "file outside the folder",
        "  a: { use: run.command, with: { command: [x], file: ../x.sh }, repeat: safe }",
        &["LW0107"],
    ),
];
