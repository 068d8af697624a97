//! Which faults befall this request?

use std::time::Duration;

use jiff::Timestamp;

use super::{By, Rule, Verdict, glob::matches, rule::stretch};
use crate::{
    draw::Seed,
    provider::Failure,
    world::{Outage, World, geography},
};

/// The rules, and how often each has matched.
#[derive(Debug, Default)]
pub(crate) struct Book {
    rules: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    rule: Rule,
    matched: u32,
    fired: u32,
}

/// What a rule is held against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) provider: Option<&'a str>,
    pub(crate) region: Option<&'a str>,
    pub(crate) changing: bool,
    pub(crate) at: Timestamp,
    pub(crate) start: Timestamp,
}

/// What befalls one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fate {
    /// Its answer comes so much later.
    pub(crate) delay: Duration,
    /// How long its effects stay invisible to reads.
    pub(crate) stale: Option<Duration>,
    /// What befalls an operation that it begins.
    pub(crate) operation: OperationFate,
    /// How it ends, if not in the ordinary way.
    pub(crate) end: Option<End>,
    /// The rules that say so, by their places from one.
    pub(crate) rules: Vec<usize>,
}

/// What befalls an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum OperationFate {
    #[default]
    Ordinary,
    Fails(Failure),
    /// Only for the part of this name, where the provider knows parts.
    FailsInPart(Failure, String),
    NeverEnds,
}

/// How a request ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Throttled(Option<u32>),
    Status(u16, Option<String>, Option<String>),
    Reset,
    AnswerLost(By),
    Late(Duration),
}

impl Book {
    /// Adds rules behind those that are there. A region's outage goes into the world at once.
    pub(crate) fn add(&mut self, rules: Vec<Rule>, world: &mut World) {
        for rule in rules {
            if let Verdict::RegionDown { region, is } = &rule.verdict {
                let outage = Outage {
                    is: *is,
                    from: rule.matches.from.clone().unwrap_or_default(),
                    until: rule.matches.to.clone(),
                };
                world.outage(region, outage);
                continue;
            }
            self.rules.push(Kept {
                rule,
                matched: 0,
                fired: 0,
            });
        }
    }

    /// Takes all rules away. Outages stay: they are the world's.
    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Returns what befalls a request, and counts it.
    pub(crate) fn judge(&mut self, asked: &Asked<'_>, seed: Seed, key: &str) -> Fate {
        let mut fate = Fate::default();
        for (place, kept) in self.rules.iter_mut().enumerate() {
            if !befalls(&kept.rule, asked) {
                continue;
            }
            kept.matched += 1;
            if kept.rule.matches.nth.is_some_and(|nth| nth != kept.matched)
                || kept.rule.times.is_some_and(|times| kept.fired >= times)
            {
                continue;
            }
            // Of rules that say the same kind of thing, the first one decides.
            let said = match &kept.rule.verdict {
                Verdict::StaleReads { .. } => fate.stale.is_some(),
                Verdict::OperationFails { .. } | Verdict::OperationNeverEnds => {
                    fate.operation != OperationFate::Ordinary
                }
                _ => false,
            };
            if said {
                continue;
            }
            kept.fired += 1;
            fate.rules.push(place + 1);
            let drawn = |low, high| {
                let name = format!("{key}/fault/{place}");
                seed.stretch(&name, Duration::from_secs(low), Duration::from_secs(high))
            };
            match &kept.rule.verdict {
                Verdict::Delay { r#for } => fate.delay += stretch(*r#for),
                Verdict::StaleReads { r#for } => {
                    fate.stale = Some(r#for.map_or_else(|| drawn(0, 60), stretch));
                }
                Verdict::OperationFails { code, message, of } => {
                    let failure = Failure {
                        code: code.clone(),
                        message: message.clone(),
                    };
                    fate.operation = match of {
                        Some(part) => OperationFate::FailsInPart(failure, part.clone()),
                        None => OperationFate::Fails(failure),
                    };
                }
                Verdict::OperationNeverEnds => fate.operation = OperationFate::NeverEnds,
                Verdict::Throttle { retry_after } => fate.end = Some(End::Throttled(*retry_after)),
                Verdict::Status {
                    status,
                    code,
                    message,
                } => {
                    fate.end = Some(End::Status(*status, code.clone(), message.clone()));
                }
                Verdict::Reset => fate.end = Some(End::Reset),
                Verdict::AnswerLost { by } => fate.end = Some(End::AnswerLost(*by)),
                Verdict::LateDelivery { after } => {
                    fate.end = Some(End::Late(after.map_or_else(|| drawn(31, 90), stretch)));
                }
                Verdict::RegionDown { .. } => {}
            }
            if fate.end.is_some() {
                break;
            }
        }
        fate
    }
}

fn befalls(rule: &Rule, asked: &Asked<'_>) -> bool {
    let wanted = &rule.matches;
    let alike = |wanted: &Option<String>, found: Option<&str>, fold: fn(&str) -> String| {
        wanted
            .as_ref()
            .is_none_or(|wanted| found.is_some_and(|found| fold(wanted) == fold(found)))
    };
    alike(&wanted.method, Some(asked.method), |text| text.to_uppercase())
        && wanted.path.as_ref().is_none_or(|path| matches(path, asked.path))
        && alike(&wanted.provider, asked.provider, |text| text.to_lowercase())
        && alike(&wanted.region, asked.region, geography::fold)
        && wanted.changing.is_none_or(|changing| changing == asked.changing)
        && wanted
            .from
            .as_ref()
            .is_none_or(|from| from.resolve(asked.start) <= asked.at)
        && wanted
            .to
            .as_ref()
            .is_none_or(|to| asked.at < to.resolve(asked.start))
}
