//! Do several resolvers say what they should of a name? Each is asked by itself, at the same time, and told by name.

use std::{net::IpAddr, time::Duration};

use futures::future::join_all;
use leeward_engine::{port::Clock, work::Probe};
use leeward_runbook::units::show_duration;
use serde_json::Value;

use super::whole;
use crate::{
    arm::reply::cut,
    kinds::settings,
    names::{Question, Resolver, Said, Sort},
    seams::PublicWire,
};

/// How long one resolver may take.
const ANSWER: Duration = Duration::from_secs(5);
/// Who is asked where the runbook names nobody: public resolvers of three houses.
const USUAL: [&str; 3] = ["1.1.1.1", "8.8.8.8", "9.9.9.9"];

/// What was written, read.
struct Asked {
    question: Question,
    expect: Vec<String>,
    /// Another name, whose own answers at the same resolver are what passes.
    resolves_to: Option<String>,
    resolvers: Vec<Resolver>,
    agree: usize,
    within: Duration,
}

impl Asked {
    fn read(written: &Value) -> Result<Asked, String> {
        let sort: Sort = settings::optional_text(written, "type").unwrap_or("A").parse()?;
        let name = settings::text(written, "name").map_err(|error| error.to_string())?;
        let named = texts(written.get("resolvers"));
        let named = match named.is_empty() {
            true => USUAL.map(str::to_owned).to_vec(),
            false => named,
        };
        let resolvers: Vec<Resolver> = named.iter().map(|one| one.parse()).collect::<Result<_, _>>()?;
        let agree = match written.get("agree") {
            None | Some(Value::Null) => resolvers.len(),
            Some(Value::String(word)) if word == "all" => resolvers.len(),
            Some(number) => whole(number)
                .and_then(|number| usize::try_from(number).ok())
                .filter(|number| (1..=resolvers.len()).contains(number))
                .ok_or_else(|| format!("`agree` is not `all` and no number from 1 to {}", resolvers.len()))?,
        };
        let expect = texts(written.get("expect"));
        let resolves_to = settings::optional_text(written, "resolves-to").map(str::to_owned);
        if expect.is_empty() && resolves_to.is_none() {
            return Err("neither `expect` nor `resolves-to` says what passes".to_owned());
        }
        let within = settings::duration(written, "answer-within").map_err(|error| error.to_string())?;
        Ok(Asked {
            question: Question {
                name: name.to_owned(),
                sort,
            },
            expect,
            resolves_to,
            resolvers,
            agree,
            within: within.unwrap_or(ANSWER),
        })
    }
}

/// Asks every resolver once.
pub(super) async fn probe(
    public: &dyn PublicWire,
    clock: &dyn Clock,
    written: &Value,
) -> Result<Probe, String> {
    let asked = Asked::read(written)?;
    let answers = join_all(
        asked
            .resolvers
            .iter()
            .map(|resolver| one(public, clock, &asked, *resolver)),
    )
    .await;
    let agreed = answers.iter().filter(|(agrees, _)| *agrees).count();
    let told: Vec<&str> = answers.iter().map(|(_, told)| told.as_str()).collect();
    let wanted = match asked.agree == answers.len() {
        true => "all must".to_owned(),
        false => format!("{} must", asked.agree),
    };
    Ok(Probe {
        passed: agreed >= asked.agree,
        evidence: format!(
            "{} {}: {agreed} of {} resolvers agree, {wanted}: {}",
            cut(&asked.question.name),
            asked.question.sort,
            answers.len(),
            told.join("; ")
        ),
    })
}

/// Asks one resolver, and says whether it agrees and what it said.
async fn one(
    public: &dyn PublicWire,
    clock: &dyn Clock,
    asked: &Asked,
    resolver: Resolver,
) -> (bool, String) {
    let started = clock.now().uptime;
    let said = match public.resolve(&asked.question, resolver, asked.within).await {
        Ok(said) => said,
        Err(error) => {
            return (
                false,
                format!("{resolver} does not answer: {}", cut(&error.to_string())),
            );
        }
    };
    let took = clock.now().uptime.saturating_sub(started);
    let mut expect = asked.expect.clone();
    if let Some(other) = &asked.resolves_to {
        let question = Question {
            name: other.clone(),
            sort: asked.question.sort,
        };
        match public.resolve(&question, resolver, asked.within).await {
            Ok(other) => expect.extend(other.values),
            Err(error) => {
                let error = cut(&error.to_string());
                return (
                    false,
                    format!("{resolver} does not answer for {}: {error}", cut(other)),
                );
            }
        }
    }
    let agrees = said.code == 0
        && !said.values.is_empty()
        && said.values.iter().all(|value| {
            expect
                .iter()
                .any(|wanted| same(asked.question.sort, value, wanted))
        });
    let mut told = format!("{resolver} says {}", in_words(&said));
    let ttl = said
        .ttl
        .map(|ttl| format!("TTL {}", show_duration(Duration::from_secs(ttl.into()))));
    let took = format!("in {} ms", took.as_millis());
    let both: Vec<String> = ttl.into_iter().chain([took]).collect();
    told.push_str(&format!(" ({})", both.join(", ")));
    if !agrees {
        let wanted: Vec<String> = expect.iter().map(|one| cut(one)).collect();
        told.push_str(&match wanted.is_empty() {
            true => ", and nothing could have passed".to_owned(),
            false => format!(", not {}", wanted.join(" or ")),
        });
    }
    (agrees, told)
}

fn in_words(said: &Said) -> String {
    let through: String = said
        .through
        .iter()
        .map(|name| format!("{} → ", cut(name)))
        .collect();
    let what = match (said.code, said.values.as_slice()) {
        (0, []) => "nothing of that sort".to_owned(),
        (0, values) => values
            .iter()
            .map(|value| cut(value))
            .collect::<Vec<_>>()
            .join(", "),
        (1, _) => "that it cannot read the question".to_owned(),
        (2, _) => "that it failed".to_owned(),
        (3, _) => "that there is no such name".to_owned(),
        (5, _) => "that it refuses to answer".to_owned(),
        (code, _) => format!("code {code}"),
    };
    format!("{through}{what}")
}

fn same(sort: Sort, said: &str, wanted: &str) -> bool {
    match sort {
        Sort::Txt => said == wanted,
        Sort::Cname => said
            .trim_end_matches('.')
            .eq_ignore_ascii_case(wanted.trim().trim_end_matches('.')),
        Sort::A | Sort::Aaaa => match (said.parse::<IpAddr>(), wanted.trim().parse::<IpAddr>()) {
            (Ok(said), Ok(wanted)) => said == wanted,
            _ => false,
        },
    }
}

/// Returns a text, or a list of them.
fn texts(written: Option<&Value>) -> Vec<String> {
    let text = |value: &Value| {
        value
            .as_str()
            .filter(|text| !text.trim().is_empty())
            .map(str::to_owned)
    };
    match written {
        Some(Value::Array(list)) => list.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
