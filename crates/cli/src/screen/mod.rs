//! What a person sees: words first, then colour; every view is a fold of the journal.

mod canvas;
mod columns;
mod echo;
mod findings;
mod fit;
mod kinds;
mod lines;
mod live;
mod losses;
mod paint;
mod plan;
mod progress;
mod status;
mod summary;
mod timeline;
mod words;

pub use canvas::Canvas;
pub use columns::Columns;
pub use echo::{Unseen, show_keys};
pub use findings::{finding_count, findings};
pub use fit::fit;
pub(crate) use kinds::shape;
pub use kinds::{kind, kinds};
pub use lines::{Depth, is_milestone, line};
pub use live::{Live, live};
pub use losses::{Rows, losses, skew};
pub(crate) use losses::{figure, way};
pub use paint::{Label, Paint};
pub use plan::{Beside, plan};
pub use progress::Progress;
pub(crate) use status::todo_items;
pub use status::{Lease, status, todo};
pub(crate) use summary::{how, last_name, rpo};
pub use summary::{moved, summary, verdict};
pub use timeline::timeline;
pub use words::{
    between, choice_command, clock_time, count, is_over, nearest, person, short, span, standing_word,
    step_word, when,
};
