//! The documents keep up with the project.

use crate::source::files;
use crate::source::read;
use crate::source::root;

const DEPENDENCIES: &str = "docs/decisions/0002-dependencies.md";

/// The commands that have flags of their own, as words before `--help`.
const COMMANDS: [&[&str]; 11] = [
    &[],
    &["certs"],
    &["certs", "add-client"],
    &["completions"],
    &["demo"],
    &["ide", "install"],
    &["ide", "remove"],
    &["ide", "show"],
    &["man"],
    &["probe"],
    &["serve"],
];

/// Flags of docker, in the pages about containers.
const DOCKERS: &str = "--add-host --cap-drop --entrypoint --init --network --profile --read-only --rm --security-opt --target \
    --tmpfs --user --volumes";

/// The packages that a manifest names, in all its tables of dependencies.
fn packages(manifest: &str) -> Vec<&str> {
    let mut packages = Vec::new();
    let mut wanted = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            wanted = line.ends_with("dependencies]");
        } else if wanted && let Some((name, _)) = line.split_once('=') {
            packages.push(name.trim());
        }
    }
    packages.retain(|name| !name.starts_with('#'));
    packages.sort_unstable();
    packages.dedup();
    packages
}

/// What the first column of the tables before the last section names.
fn rows(document: &str) -> Vec<&str> {
    let taken = document.split("\n## Not taken").next().unwrap_or_default();
    let mut rows: Vec<_> =
        taken.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    rows.sort_unstable();
    rows
}

/// The targets of the links in a document that lead to files.
fn links(document: &str) -> Vec<&str> {
    let targets = document.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let targets = targets.map(|target| target.split('#').next().unwrap_or_default());
    targets.filter(|target| !target.is_empty() && !target.contains("://")).collect()
}

/// What a command says about itself.
fn help(command: &[&str]) -> String {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_mcp-secure-remote"));
    let help = program.args(command).arg("--help").output().expect("the program");
    String::from_utf8(help.stdout).expect("UTF-8")
}

/// What begins with two dashes and a letter.
fn flags(text: &str) -> Vec<&str> {
    let word = |c: char| !(c.is_ascii_lowercase() || c == '-');
    text.split(word)
        .filter(|word| word.starts_with("--") && word.len() > 3)
        .filter(|word| !word.starts_with("---"))
        .collect()
}

#[test]
fn every_dependency_has_a_row_with_its_reasons_and_the_other_way_round() {
    assert_eq!(packages(&read("Cargo.toml")), rows(&read(DEPENDENCIES)), "see {DEPENDENCIES}");
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let documents = files().into_iter().filter(|path| path.ends_with(".md"));
    let mut broken = Vec::new();
    for path in documents {
        let place = root().join(&path);
        let folder = place.parent().unwrap_or(&place).to_owned();
        let text = read(&path);
        let dead = links(&text).into_iter().filter(|link| !folder.join(link).exists());
        broken.extend(dead.map(|link| format!("{path}: {link}")));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_decision_is_listed() {
    let list = read("docs/decisions/README.md");
    let decisions: Vec<_> = files()
        .into_iter()
        .filter_map(|path| Some(path.strip_prefix("docs/decisions/0")?.to_owned()))
        .collect();
    assert!(!decisions.is_empty());
    for decision in decisions {
        assert!(list.contains(&format!("](0{decision})")), "0{decision}");
    }
}

#[test]
fn every_room_and_transport_is_on_the_map() {
    let map = read("ARCHITECTURE.md");
    for folder in ["src/", "src/transport/"] {
        for path in files().iter().filter_map(|path| path.strip_prefix(folder)) {
            let name = path.split('/').next().unwrap_or(path).trim_end_matches(".rs");
            let known = ["`", "`src/"].iter().any(|start| {
                ["`", "/`", ".rs`"].iter().any(|end| map.contains(&format!("{start}{name}{end}")))
            });
            assert!(known || matches!(name, "lib" | "mod"), "{folder}{path}");
        }
    }
}

#[test]
fn every_test_that_a_table_names_exists() {
    let is_code = |path: &&String| path.ends_with(".rs");
    let code: String = files().iter().filter(is_code).map(|path| read(path)).collect();
    for path in ["docs/checklist.md", "docs/faults.md"] {
        let table = read(path);
        let words = table.split('`').skip(1).step_by(2);
        // The name of a test is a sentence.
        let tests: Vec<_> = words.filter(|word| word.matches('_').count() > 2).collect();
        let missing: Vec<_> =
            tests.iter().filter(|test| !code.contains(&format!("fn {test}("))).collect();
        assert!(missing.is_empty(), "{path}: {missing:?}");
        assert!(tests.len() > 50, "{path}");
    }
}

#[test]
fn every_row_of_the_checklist_names_its_tests() {
    let checklist = read("docs/checklist.md");
    for (letter, count) in [('A', 50), ('B', 26)] {
        let start = format!("| {letter}");
        let rows: Vec<_> = checklist.lines().filter(|line| line.starts_with(&start)).collect();
        for (index, row) in rows.iter().enumerate() {
            assert!(row.starts_with(&format!("{start}{} | ", index + 1)), "{row}");
            assert!(row.rsplit(" | ").next().is_some_and(|tests| tests.contains('`')), "{row}");
        }
        assert_eq!(rows.len(), count);
    }
}

#[test]
fn every_flag_in_a_document_is_one_of_the_program() {
    let help: String = COMMANDS.into_iter().map(help).collect();
    let mut known = flags(&help);
    known.extend(["--git", "--locked", "--path", "--release"]); // cargo's
    known.push("--flag"); // the word for any
    known.extend(flags(DOCKERS));
    // The pages for users; those for contributors name the flags of other programs too.
    let for_users = |path: &String| {
        path.ends_with(".md")
            && path != "docs/releasing.md"
            && (path.starts_with("docs/")
                || matches!(&**path, "LOCAL_MTLS_TESTING.md" | "README.md" | "SECURITY.md"))
    };
    for path in files().into_iter().filter(for_users) {
        for flag in flags(&read(&path)) {
            assert!(known.contains(&flag), "{path}: {flag}");
        }
    }
}

#[test]
fn every_message_that_is_explained_is_one_of_the_program() {
    // A text goes on in the next line after a backslash.
    let unbroken = |code: String| code.split("\\\n").map(str::trim_start).collect::<String>();
    let paths = files().into_iter().filter(|path| path.starts_with("src/"));
    let source: String = paths.map(|path| unbroken(read(&path))).collect();
    let guide = read("docs/troubleshooting.md");
    let (_, table) = guide.split_once("\n## By what the program says\n").expect("the table");
    let messages: Vec<_> = table.lines().filter_map(|line| line.strip_prefix("| `")).collect();
    assert!(messages.len() > 20);
    for message in messages.iter().filter_map(|row| row.split('`').next()) {
        assert!(source.contains(message), "the program does not say `{message}`");
    }
}

#[test]
fn every_configuration_of_a_host_is_json() {
    let readme = read("README.md");
    let blocks: Vec<_> = readme.split("```json\n").skip(1).collect();
    assert!(blocks.len() > 2);
    for block in blocks {
        let text = block.split("```").next().unwrap_or_default();
        let json: Result<serde_json::Value, _> = serde_json::from_str(text);
        assert!(json.is_ok_and(|value| value.is_object()), "{text}");
    }
}

#[test]
fn a_manifest_and_a_table_are_read_as_they_are_written() {
    let manifest = "[package]\na = 1\n[dependencies]\n# c = 2\nd = \"1\"\n[target.x.dev-dependencies]\nb-e = { f = 3 }\n[lints]\ng = 4\n";
    assert_eq!(packages(manifest), ["b-e", "d"]);
    assert_eq!(rows("| `d` | x |\n| `b-e` | `y` |\n\n## Not taken\n| `z` |"), ["b-e", "d"]);
    assert_eq!(links("[a](b.md#c) [d](#e) [f](https://g) [h](i)"), ["b.md", "i"]);
}
