//! What happens to keys that are pressed while a picture is drawn? They are not shown: a Return would move
//! the cursor, and with it the picture. Nothing is read; Ctrl-C works as ever.

#[cfg(unix)]
use std::sync::{Mutex, PoisonError};

#[cfg(unix)]
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

/// How the terminal was before; one for the whole process, since its end may come at any place.
#[cfg(unix)]
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Keeps keys from being shown as long as it lives.
#[derive(Debug)]
pub struct Unseen(());

impl Unseen {
    /// Begins, where stdin is a terminal and ours to set.
    pub fn keys() -> Unseen {
        #[cfg(unix)]
        hide();
        Unseen(())
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        show_keys();
    }
}

/// Lets the terminal be as it was before. For whoever ends the process without coming back.
pub fn show_keys() {
    #[cfg(unix)]
    if let Some(before) = BEFORE.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &before);
    }
}

#[cfg(unix)]
fn hide() {
    let stdin = rustix::stdio::stdin();
    let Ok(before) = tcgetattr(stdin) else { return };
    // In the background the terminal is somebody else's, and setting it would stop us. One that is nobody's
    // controlling terminal has no background.
    if tcgetpgrp(stdin).is_ok_and(|front| front != rustix::process::getpgrp()) {
        return;
    }
    let mut quiet = before.clone();
    quiet.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
    let mut kept = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.is_none() && tcsetattr(stdin, OptionalActions::Now, &quiet).is_ok() {
        *kept = Some(before);
    }
}
