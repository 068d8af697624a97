//! Does a URL answer as it should?

use leeward_engine::{port::Clock, work::Probe};
use serde_json::Value;
use url::Url;

use super::{LONGEST, whole};
use crate::{
    arm::reply::cut,
    kinds::{secrets::Opened, settings},
    seams::{PublicRequest, PublicWire},
};

/// What was written, read.
struct Asked {
    request: PublicRequest,
    expect: Vec<u64>,
    contains: Option<String>,
    latency: Option<std::time::Duration>,
    opened: Opened,
}

impl Asked {
    fn read(written: &Value) -> Result<Asked, String> {
        let url = settings::text(written, "url").map_err(|error| error.to_string())?;
        let url = Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or("`url` is not an http or https address")?;
        let expect = match written.get("expect") {
            None | Some(Value::Null) => vec![200],
            Some(Value::Array(list)) => list.iter().filter_map(whole).collect(),
            Some(one) => whole(one).into_iter().collect(),
        };
        if expect.is_empty() {
            return Err("`expect` names no status".to_owned());
        }
        let mut opened = Opened::default();
        let mut request = PublicRequest::get(url, LONGEST);
        if let Some(method) = settings::optional_text(written, "method") {
            if !matches!(method, "GET" | "HEAD") {
                return Err(format!("`{}` is not a method that only reads", cut(method)));
            }
            request.method = method.to_owned();
        }
        request.headers = opened
            .table(written.get("headers"))
            .map_err(|error| error.to_string())?;
        Ok(Asked {
            request,
            expect,
            contains: settings::optional_text(written, "contains").map(str::to_owned),
            latency: settings::duration(written, "latency").map_err(|error| error.to_string())?,
            opened,
        })
    }

    /// Returns the address without what may be secret in it.
    fn shown(&self) -> String {
        let url = &self.request.url;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let query = if url.query().is_some() { "?…" } else { "" };
        let host = url.host_str().unwrap_or_default();
        format!("{}://{host}{port}{}{query}", url.scheme(), url.path())
    }
}

/// Asks once. What it took stands in no evidence, so that a rehearsal says the same each time.
pub(super) async fn probe(
    public: &dyn PublicWire,
    clock: &dyn Clock,
    written: &Value,
) -> Result<Probe, String> {
    let asked = Asked::read(written)?;
    let shown = asked.shown();
    let failed = |evidence: String| {
        Ok(Probe {
            passed: false,
            evidence: format!("{shown} {evidence}"),
        })
    };
    let started = clock.now().uptime;
    let reply = match public.http(&asked.request).await {
        Ok(reply) => reply,
        Err(error) => {
            let reason = asked.opened.hide(&cut(&error.to_string()));
            return failed(format!("does not answer: {reason}"));
        }
    };
    let took = clock.now().uptime.saturating_sub(started);
    let status = reply.status;
    if !asked.expect.contains(&u64::from(status)) {
        let list: Vec<String> = asked.expect.iter().map(u64::to_string).collect();
        return failed(format!("answers HTTP {status}, not {}", list.join(" or ")));
    }
    if let Some(text) = &asked.contains
        && !String::from_utf8_lossy(&reply.body).contains(text.as_str())
    {
        return failed(format!("answers HTTP {status} without `{}`", cut(text)));
    }
    if let Some(latency) = asked.latency
        && took > latency
    {
        let most = leeward_runbook::units::show_duration(latency);
        return failed(format!("answers HTTP {status}, but later than after {most}"));
    }
    Ok(Probe {
        passed: true,
        evidence: format!("{shown} answers HTTP {status}"),
    })
}
