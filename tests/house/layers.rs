//! A module uses only what stands before it in the table of layers.

use crate::source::Source;
use crate::source::follow;
use crate::source::read;
use crate::source::sources;

/// The table, as it stands in ARCHITECTURE.md and in the crate's documentation too. Rooms that
/// nobody has built yet keep their place.
const LAYERS: &str = "\
0 limits secret report message
1 task retry channel tls
2 auth
3 policy adapt
4 transport observe
5 relay tunnel cluster
6 command
7 cli
8 bin
";

/// The rooms in their order: each may use those before it.
fn rooms() -> Vec<&'static str> {
    LAYERS.lines().flat_map(|line| line.split(' ').skip(1)).collect()
}

/// What is wrong with the paths in one file.
fn violations(source: &Source) -> Vec<String> {
    let rooms = rooms();
    let place = |room: &str| rooms.iter().position(|known| *known == room);
    let Source { path, room, code } = source;
    let Some(own) = place(room) else {
        return vec![format!("{path}: `{room}` has no place in the table of layers")];
    };
    let mut wrong = Vec::new();
    for used in follow(code, "crate") {
        match place(used) {
            Some(other) if used == room || other < own => {}
            Some(_) => wrong.push(format!("{path}: `{used}` does not stand before `{room}`")),
            None if used.is_empty() => {
                wrong.push(format!("{path}: write `use crate::a::B;`, one path a line"));
            }
            None => wrong.push(format!("{path}: `crate::{used}` has no place in the table")),
        }
    }
    // It could lead anywhere, and out of the file it hides where.
    if !follow(&source.shipped(), "super").is_empty() {
        wrong.push(format!("{path}: `super::` outside of tests; write the whole path"));
    }
    wrong
}

#[test]
fn a_module_uses_only_what_stands_before_it() {
    let inside = sources().into_iter().filter(|source| source.path != "src/lib.rs");
    let wrong: Vec<_> = inside.flat_map(|source| violations(&source)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_violation_is_found_wherever_it_stands() {
    for (path, text) in [
        ("src/limits.rs", "use crate::report::Report;"),
        ("src/tls/client.rs", "fn a() { let x = (crate::transport::http::dial)(); }"),
        ("src/tls/mod.rs", "pub use crate::channel::queue; pub use crate::cli::run;"),
        ("src/relay.rs", "#[cfg(test)] mod tests { use crate::command::bridge; }"),
        ("src/relay.rs", "use crate::{limits, message};"),
        ("src/relay.rs", "use crate::*;"),
        ("src/relay.rs", "use super::cli;"),
        ("src/relay/ledger.rs", "use super::super::cli;"),
        ("src/newcomer.rs", ""),
    ] {
        assert_eq!(violations(&Source::new(path, text)).len(), 1, "{path}: {text}");
    }
}

#[test]
fn what_stands_before_may_be_used() {
    for (path, text) in [
        ("src/tls/client.rs", "use crate::limits; use crate::tls::verify::Verifier;"),
        ("src/cli.rs", "// crate::bin::x\nconst A: &str = \"crate::bin::y\"; use crate::command;"),
        ("src/relay.rs", "pub(super) fn a() {} #[cfg(test)] mod tests { use super::a; }"),
        ("src/bin/x.rs", "use mcp_secure_remote::cli;"),
    ] {
        assert_eq!(violations(&Source::new(path, text)), [""; 0], "{path}: {text}");
    }
}

#[test]
fn the_crate_names_every_room_in_the_order_of_its_layers() {
    let code = Source::new("src/lib.rs", &read("src/lib.rs")).code;
    let named = code.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let named: Vec<_> = named.collect();
    let layer = |room: &&str| {
        let mut lines = LAYERS.lines();
        lines.position(|line| line.split(' ').any(|known| known == *room)).expect(room)
    };
    assert!(named.is_sorted_by_key(layer), "{named:?}");
    let files = sources();
    for source in files.iter().filter(|source| !matches!(&*source.room, "lib" | "bin")) {
        assert!(named.contains(&&*source.room), "`{}` is not in src/lib.rs", source.room);
    }
}

#[test]
fn the_documents_show_the_same_table() {
    let documented: String = LAYERS.lines().map(|line| format!("//! {line}\n")).collect();
    assert!(read("ARCHITECTURE.md").contains(LAYERS), "ARCHITECTURE.md has another table");
    assert!(read("src/lib.rs").contains(&documented), "src/lib.rs has another table");
}
