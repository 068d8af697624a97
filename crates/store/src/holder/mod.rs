//! Who is this process, and is another one certainly dead?
//!
//! A lease is taken without asking only from a process that is *proven* dead. Whatever cannot be
//! proven (another host, another container, a look that was refused) counts as alive, and a person
//! decides with `--take-over`.

use std::{env, sync::OnceLock};

use leeward_engine::port::Holder;

#[cfg(target_os = "linux")]
#[path = "linux.rs"]
mod system;

#[cfg(not(target_os = "linux"))]
#[path = "elsewhere.rs"]
mod system;

/// What a machine knows of a process number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// No process has that number, or only the remains of a dead one.
    Nobody,
    /// A process has it, and started then.
    Alive(String),
    /// It could not be told.
    Unclear,
}

/// Returns this process as a holder of leases.
///
/// The user is the one that the environment states; nothing proves it.
pub fn this_process() -> Holder {
    static THIS: OnceLock<Holder> = OnceLock::new();
    THIS.get_or_init(|| {
        let process = std::process::id();
        let start = match system::look(process) {
            Seen::Alive(start) => start,
            Seen::Nobody | Seen::Unclear => UNKNOWN.to_owned(),
        };
        Holder {
            user: stated_user(),
            host: system::host(),
            process,
            process_start: format!("{}{SEPARATOR}{start}", system::namespace()),
            boot: format!("{}{SEPARATOR}{}", system::machine(), system::boot()),
        }
    })
    .clone()
}

/// Says whether a holder is certainly a dead process of this very machine.
pub fn is_dead(holder: &Holder) -> bool {
    certainly_dead(holder, &this_process(), system::look)
}

/// What stands where the system would not tell.
const UNKNOWN: &str = "unknown";

/// Parts a machine from its boot, and a process namespace from a start time.
const SEPARATOR: char = '/';

/// Decides without looking at the system itself, so that every case can be tested.
fn certainly_dead(holder: &Holder, here: &Holder, look: impl Fn(u32) -> Seen) -> bool {
    let known = |part: &str| !part.is_empty() && part != UNKNOWN;
    let split = |text: &'_ str| -> Option<(String, String)> {
        let (first, second) = text.split_once(SEPARATOR)?;
        Some((first.to_owned(), second.to_owned()))
    };
    if holder.host != here.host {
        return false;
    }
    let (Some(its), Some(our)) = (split(&holder.boot), split(&here.boot)) else {
        return false;
    };
    if !known(&its.1) || !known(&our.1) {
        return false;
    }
    if its.1 != our.1 {
        // Two machines can bear one name. Only the machine's own identity tells a restart from that.
        return known(&its.0) && its.0 == our.0;
    }
    let (Some(its), Some(our)) = (split(&holder.process_start), split(&here.process_start)) else {
        return false;
    };
    if its.0 != our.0 || !known(&its.1) {
        // A container's process numbers mean nothing in another container.
        return false;
    }
    match look(holder.process) {
        Seen::Nobody => true,
        Seen::Alive(start) => start != its.1,
        Seen::Unclear => false,
    }
}

fn stated_user() -> String {
    ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .filter_map(|name| env::var(name).ok())
        .find(|value| !value.is_empty())
        .unwrap_or_else(system::user)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Holder {
        Holder {
            user: "ada".into(),
            host: "laptop".into(),
            process: 4711,
            process_start: "pid:[1]/900".into(),
            boot: "machine-a/boot-1".into(),
        }
    }

    fn there(change: impl FnOnce(&mut Holder)) -> Holder {
        let mut holder = here();
        holder.process = 12;
        holder.process_start = "pid:[1]/100".into();
        change(&mut holder);
        holder
    }

    fn nobody(_: u32) -> Seen {
        Seen::Nobody
    }

    #[test]
    fn a_process_that_is_gone_or_whose_number_was_given_to_another_is_dead() {
        assert!(certainly_dead(&there(|_| ()), &here(), nobody));
        assert!(certainly_dead(&there(|_| ()), &here(), |_| Seen::Alive(
            "101".into()
        )));
    }

    #[test]
    fn a_process_that_lives_or_cannot_be_looked_at_is_not_dead() {
        assert!(!certainly_dead(&there(|_| ()), &here(), |_| Seen::Alive(
            "100".into()
        )));
        assert!(!certainly_dead(&there(|_| ()), &here(), |_| Seen::Unclear));
        assert!(!is_dead(&this_process()));
    }

    #[test]
    fn a_restarted_machine_has_no_processes_of_before() {
        let before = there(|holder| holder.boot = "machine-a/boot-0".into());
        assert!(certainly_dead(&before, &here(), |_| Seen::Alive("100".into())));
    }

    #[test]
    fn another_machine_of_the_same_name_is_not_a_restart() {
        let twin = there(|holder| holder.boot = "machine-b/boot-0".into());
        assert!(!certainly_dead(&twin, &here(), nobody));
        let nameless = there(|holder| holder.boot = "unknown/boot-0".into());
        let mut here = here();
        here.boot = "unknown/boot-1".into();
        assert!(!certainly_dead(&nameless, &here, nobody));
    }

    #[test]
    fn nothing_is_proven_about_another_host_or_another_container() {
        let host = there(|holder| holder.host = "pipeline".into());
        assert!(!certainly_dead(&host, &here(), nobody));
        let container = there(|holder| holder.process_start = "pid:[2]/100".into());
        assert!(!certainly_dead(&container, &here(), nobody));
    }

    #[test]
    fn this_process_is_alive_and_the_same_number_with_another_start_is_not_it() {
        let here = this_process();
        assert!(!here.host.is_empty());
        let mut reused = here.clone();
        reused.process_start.push('9');
        assert!(is_dead(&reused));
    }
}
