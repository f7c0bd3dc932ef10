//! What the probe prints for scripts, beside the client of the Python tool that this program
//! replaces.

use super::support::install::Python;
use super::support::probing::Probing;
use super::support::remote::Remote;
use super::support::remote::Wire;

#[test]
fn the_items_of_a_server_are_printed_byte_for_byte_as_by_the_original() {
    for (remote, flags) in [
        (Remote::python_v1(Wire::Http), &[][..]),
        (Remote::python_v1(Wire::Sse), SSE),
        (Remote::python_v2(Wire::Http), &[]),
        (Remote::typescript_v2(), &[]),
    ] {
        let Some(remote) = remote else { return };
        let Some(printed) = both(&remote, flags) else { return };
        assert_eq!(printed.ours, printed.theirs);
    }
}

// The original reads the first page of a list; the prompts are the last list, so what we print
// begins with all of its lines.
#[test]
fn awkward_items_are_printed_alike_and_later_pages_follow() {
    for (wire, flags) in [(Wire::Http, &[][..]), (Wire::Sse, SSE)] {
        let Some(remote) = Remote::typescript_v1(wire) else { return };
        let Some(printed) = both(&remote, flags) else { return };
        assert!(printed.theirs.ends_with("  - first\n  - second\n"), "{}", printed.theirs);
        let later = "  - third\n  - fourth\n  - fifth\n";
        assert_eq!(printed.ours, printed.theirs.clone() + later);
    }
}

// The original does not ask for resource templates: their lines are ours alone.
#[test]
fn only_the_lines_of_resource_templates_are_more_than_the_original_prints() {
    for (remote, flags) in [
        (Remote::fixture_python_v2(), &[][..]),
        (Remote::everything(Wire::Http), &[]),
        (Remote::everything(Wire::Sse), SSE),
        (Remote::everything_behind_nginx(Wire::Http), &[]),
    ] {
        let Some(remote) = remote else { return };
        let Some(printed) = both(&remote, flags) else { return };
        let mut rest = printed.theirs.split_inclusive('\n').peekable();
        let ours = printed.ours.split_inclusive('\n');
        let more: Vec<&str> = ours.filter(|line| rest.next_if_eq(line).is_none()).collect();
        assert_eq!(rest.next(), None, "{}", printed.ours);
        let found = Probing::of(&remote).succeeds();
        let (uris, names) = (
            found.items("resourceTemplates", "uriTemplate"),
            found.items("resourceTemplates", "name"),
        );
        let lines = uris.iter().zip(names).map(|(uri, name)| format!("  - {uri} ({name})\n"));
        assert_eq!(more, lines.collect::<Vec<_>>());
        assert!(!more.is_empty());
    }
}

/// The original finds HTTP+SSE only where it is told to.
const SSE: &[&str] = &["--transport", "sse-only"];

/// What both wrote to standard output.
struct Printed {
    ours: String,
    theirs: String,
}

/// Both ended well, and gave the headings on standard error.
fn both(remote: &Remote, flags: &[&str]) -> Option<Printed> {
    let original = Python::Original.program("mcp-secure-remote-client")?;
    let ours = Probing::of(remote).flags(flags);
    let theirs = ours.clone().by(&original.display().to_string());
    let [ours, theirs] = [ours, theirs].map(|probing| {
        let done = probing.run();
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        for heading in ["Connected.", "Server capabilities: ", "Tools ("] {
            assert!(done.stderr.contains(heading), "{heading} is not in {}", done.stderr);
        }
        done.stdout
    });
    Some(Printed { ours, theirs })
}
