//! `leeward unlock`: gives back the targets of a run that nobody goes on with.

use clap::Args;
use leeward_engine::{
    conductor::{Unfolded, Word, folded, unlock},
    id::RunId,
    port::{Claim, Clock, LeasePolicy, RunSummary},
    view::{RunView, Standing},
};
use serde_json::json;

use super::{Desk, mail};
use crate::{
    code::Code,
    exit::Exit,
    failure::{Failure, holder_words},
    ports::{self, runtime},
    screen::{between, span, standing_word, when},
};

/// What `leeward unlock` understands.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// How to answer.
    #[command(flatten)]
    pub answer: mail::Answer,
}

/// Runs the verb.
pub fn run(desk: &Desk, arguments: Arguments) -> Result<Exit, Failure> {
    let reason = mail::reason(&arguments.reason)?;
    let run = RunId(arguments.run.clone());
    runtime::light(async {
        let store = ports::store::open_existing(desk).await?;
        let summary = store.runs().await?.into_iter().find(|it| it.header.run == run);
        let Some(summary) = summary else {
            return Err(leeward_engine::port::JournalError::NoSuchRun { run: run.clone() }.into());
        };
        let mut claims = store.claims().await?;
        claims.retain(|claim| claim.run == run);
        let journal = folded(store.records(&run, 1))
            .await
            .map(|state| RunView::from(&state));
        let now = ports::clock::real().now().wall;
        desk.terminal.advise(&shown(&summary, &claims, &journal, now));
        let by = ports::identity::person(&desk.settings);
        if claims.is_empty() {
            let told = told(arguments.answer.format, &run, &claims, None);
            desk.terminal.result(&told)?;
            return Ok(Exit::Holds);
        }
        left_alone(&summary, now)?;
        agreed(desk, &run, arguments.yes)?;
        let holder = ports::identity::holder(&desk.settings);
        // Whoever held it is dead or silent, and a person has seen who that was.
        let word = Word { by, reason, at: now };
        let unrecorded = unlock(store.as_ref(), &run, &holder, LeasePolicy::TakeOver, word).await?;
        let told = told(arguments.answer.format, &run, &claims, Some(&unrecorded));
        desk.terminal.result(&told)?;
        Ok(Exit::Holds)
    })
}

/// Refuses while somebody conducts the run: its targets are in use.
fn left_alone(summary: &RunSummary, now: jiff::Timestamp) -> Result<(), Failure> {
    let run = &summary.header.run;
    match &summary.lease {
        Some(lease)
            if between(lease.heartbeat, now) < mail::SILENT
                && !leeward_store::holder::is_dead(&lease.holder) =>
        {
            Err(Failure::new(
                Code::RunHeld,
                format!("run `{run}` is conducted at this moment: its targets are in use"),
            )
            .because(format!("it is {}", holder_words(lease)))
            .hint(format!("end it: leeward cancel {run} --reason TEXT"))
            .hint("or stop that process, and unlock the run then"))
        }
        _ => Ok(()),
    }
}

fn agreed(desk: &Desk, run: &RunId, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !desk.terminal.asks {
        return Err(Failure::new(
            Code::NotConfirmed,
            "targets are given back on a person's word only, and nobody can be asked",
        )
        .because("there is no terminal to ask on")
        .hint("say that you mean it with `--yes`"));
    }
    let question = format!("Type the run's name to give its targets back ({run}):");
    match desk.terminal.ask(&question)? == run.as_str() {
        true => Ok(()),
        false => Err(
            Failure::new(Code::Declined, "not unlocked: this is not the run's name")
                .hint("nothing was changed"),
        ),
    }
}

fn shown(
    summary: &RunSummary,
    claims: &[Claim],
    journal: &Result<RunView, Unfolded>,
    now: jiff::Timestamp,
) -> String {
    let header = &summary.header;
    let run = &header.run;
    let stands = match journal {
        Ok(view) => standing_word(view.standing).to_owned(),
        Err(error) => format!("its journal cannot be gone on with: {error}"),
    };
    let holder = match &summary.lease {
        Some(lease) => format!(
            "{}, silent for {}",
            holder_words(lease),
            span(between(lease.heartbeat, now))
        ),
        None => "conducted by nobody".to_owned(),
    };
    let mut text = format!(
        "Run        {run}\nIs         a {} of {}\nStands     {stands}\nHolder     {holder}\nHolds\n",
        header.journey, header.runbook
    );
    for claim in claims {
        text.push_str(&format!(
            "  {}  since {}, for {}\n",
            claim.target,
            when(claim.since),
            span(between(claim.since, now))
        ));
    }
    match (claims.is_empty(), journal) {
        (true, _) => text.push_str("  nothing\n"),
        (false, Ok(view)) if !matches!(view.standing, Standing::Ended(_)) => text.push_str(&format!(
            "It can still be gone on with: `leeward resume {run}`, after `leeward cancel {run} --reason TEXT` if it is\n\
             to end, watches what is open to its end and gives the targets back by itself.\n"
        )),
        (false, _) => {}
    }
    if !claims.is_empty() {
        text.push_str(
            "Once they are given back, nobody watches what this run began in Azure. Look there before another run\n\
             moves the same targets.\n",
        );
    }
    text
}

fn told(format: mail::Format, run: &RunId, claims: &[Claim], unlocked: Option<&Option<Unfolded>>) -> String {
    let unrecorded = unlocked.and_then(Option::as_ref).map(ToString::to_string);
    let recorded = unlocked.map(Option::is_none);
    match format {
        mail::Format::Json => {
            let targets: Vec<&str> = claims.iter().map(|claim| claim.target.as_str()).collect();
            let answer = json!({
                "format": "leeward-unlock",
                "version": 1,
                "run": run,
                "given-back": targets,
                "recorded": recorded,
                "unrecorded": unrecorded,
            });
            format!("{answer}\n")
        }
        mail::Format::Human if claims.is_empty() => format!("{run} holds no targets\n"),
        mail::Format::Human => {
            let count = claims.len();
            let what = match count {
                1 => "1 target".to_owned(),
                _ => format!("{count} targets"),
            };
            let mut text = format!("Given back {what} of {run}\n");
            if let Some(why) = unrecorded {
                text.push_str(&format!(
                    "Who did so and why is in no journal, since this one cannot be written: {why}.\nWrite it down elsewhere.\n"
                ));
            }
            text
        }
    }
}
