//! The kinds of steps as pages: what each takes, changes, can lose and leaves for others.

use leeward_runbook::{
    journey::Journey,
    kind::{ControlPlane, Kind, RepeatClass, Setting, Shape, Stands},
};

use super::{Columns, Label, Paint, span};

/// Returns one line a kind.
pub fn kinds(list: &[&Kind], paint: Paint) -> String {
    let mut table = Columns::new(&["kind", "journeys", "what it does"]);
    for kind in list {
        table.labelled(vec![
            (kind.name.to_owned(), None),
            (journeys(kind.default_journeys), Some(Label::Quiet)),
            (kind.summary.to_owned(), None),
        ]);
    }
    table.show(paint)
}

/// Returns the whole page of a kind.
pub fn kind(kind: &Kind, paint: Paint) -> String {
    let mut text = format!("{}\n{}\n\n", paint.label(Label::Heading, kind.name), kind.summary);
    text.push_str(&facts(kind).show(paint));
    if !kind.settings.is_empty() {
        text.push_str(&heading(paint, "Settings"));
        let mut table = Columns::new(&["  key", "under", "holds", "default", "meaning"]);
        settings(&mut table, kind.settings, "");
        text.push_str(&table.show(paint));
    }
    if !kind.operations.is_empty() {
        text.push_str(&heading(paint, "What it changes"));
        for operation in kind.operations {
            let rung = operation
                .rung
                .map(|rung| format!(" ({rung})"))
                .unwrap_or_default();
            text.push_str(&format!("  {}{rung}\n", operation.name));
            let mut table = Columns::bare(4);
            table.row(["sends", operation.sends]);
            table.row(["goal", operation.goal]);
            table.row(["a second send", repeat(operation.repeat)]);
            table.row(["settles within", &span(operation.settling)]);
            table.row(["witnesses", operation.witnesses]);
            table.row(["source", operation.source]);
            text.push_str(&table.show(paint));
        }
    }
    if !kind.outputs.is_empty() {
        text.push_str(&heading(paint, "Outputs"));
        let mut table = Columns::bare(2);
        for output in kind.outputs {
            table.row([output.name, output.summary]);
        }
        text.push_str(&table.show(paint));
    }
    if !kind.permissions.is_empty() {
        text.push_str(&heading(paint, "Permissions"));
        for permission in kind.permissions {
            text.push_str(&format!("  {permission}\n"));
        }
    }
    text
}

fn heading(paint: Paint, words: &str) -> String {
    format!("\n{}\n", paint.label(Label::Heading, words))
}

fn facts(kind: &Kind) -> Columns {
    let mut table = Columns::bare(0);
    table.row(["Journeys".to_owned(), journeys(kind.journeys)]);
    table.row([
        "Takes part in, unless `in` says otherwise".to_owned(),
        journeys(kind.default_journeys),
    ]);
    table.row([
        "Can lose data".to_owned(),
        match kind.ladder.is_empty() {
            true => "no".to_owned(),
            false => format!("yes, gentlest way first: {}", kind.ladder.join(" → ")),
        },
    ]);
    table.row([
        "Knows its goal".to_owned(),
        match kind.has_goal {
            true => "yes".to_owned(),
            false => "no: a step needs `goal:` or `repeat:`".to_owned(),
        },
    ]);
    table.row([
        "Control plane".to_owned(),
        control_plane(kind.control_plane).to_owned(),
    ]);
    table.row(["Usually takes".to_owned(), span(kind.forecast)]);
    table
}

fn journeys(list: &[Journey]) -> String {
    match list.is_empty() {
        true => "none".to_owned(),
        false => list
            .iter()
            .map(|journey| journey.word())
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn control_plane(plane: ControlPlane) -> &'static str {
    match plane {
        ControlPlane::Target => "of the region that takes over",
        ControlPlane::Source => "of the region that served: never before recovery",
        ControlPlane::Global => "global",
        ControlPlane::None => "none",
        ControlPlane::BySettings => "depends on its settings",
    }
}

fn repeat(class: RepeatClass) -> &'static str {
    match class {
        RepeatClass::Repeatable => "means the same again",
        RepeatClass::SelfGuarded => "is refused by Azure",
        RepeatClass::OneShot => "would do something else: never sent twice",
    }
}

fn settings(table: &mut Columns, list: &[Setting], before: &str) {
    for setting in list {
        let name = format!("{before}{}", setting.name);
        let under = match setting.stands {
            _ if !before.is_empty() => "",
            Stands::With => "with",
            Stands::At => "at",
            Stands::Either => "with, at",
        };
        let default = match (setting.required, setting.default) {
            (true, _) => "required".to_owned(),
            (false, Some(default)) => default.trim_matches('"').to_owned(),
            (false, None) => "-".to_owned(),
        };
        table.row([
            format!("  {name}"),
            under.to_owned(),
            shape(&setting.shape),
            default,
            setting.summary.to_owned(),
        ]);
        match setting.shape {
            Shape::Map(inner) => settings(table, inner, &format!("{name}.")),
            Shape::List(Shape::Map(inner)) => settings(table, inner, &format!("{name}.")),
            _ => {}
        }
    }
}

/// Says what a setting may hold, in a few words.
pub(crate) fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Name => "name".to_owned(),
        Shape::ResourceId => "resource id".to_owned(),
        Shape::Flag => "true or false".to_owned(),
        Shape::Number(from, to) if *to == i64::MAX => format!("number from {from}"),
        Shape::Number(from, to) => format!("number {from} to {to}"),
        Shape::Duration => "duration".to_owned(),
        Shape::Percent => "percentage".to_owned(),
        Shape::Url => "URL".to_owned(),
        Shape::Secret => "secret's reference".to_owned(),
        Shape::File => "file".to_owned(),
        Shape::Word(words) => words.join(" | "),
        Shape::List(inner) => format!("list of {}", self::shape(inner)),
        Shape::Map(_) => "map".to_owned(),
        Shape::Table(inner) => format!("map to {}", self::shape(inner)),
        Shape::Either(shapes) => shapes.iter().map(self::shape).collect::<Vec<_>>().join(" or "),
        Shape::Any => "anything".to_owned(),
    }
}
