//! The commands of a document, with what is said about them.

/// One block of commands.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Block {
    /// The line of the document at which it begins.
    pub(crate) line: usize,
    pub(crate) script: String,
    /// Whether it begins in an empty folder.
    pub(crate) new_folder: bool,
    /// It runs on, once it has said this.
    pub(crate) until: Option<String>,
    /// The exit code.
    pub(crate) exit: i32,
    /// What its reader types into it.
    pub(crate) typed: Option<String>,
    /// What it prints.
    pub(crate) shown: Option<String>,
}

impl Block {
    fn prints_an_entry(&self) -> bool {
        self.script.starts_with("mcp-secure-remote ide show") && self.shown.is_none()
    }
}

/// The blocks of a document, in their order.
pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut next = Block::default();
    let mut lines = document.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let mut inside = |end: &str| {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != end);
            inside.map(|line| format!("{line}\n")).collect::<String>()
        };
        match (line, blocks.last_mut()) {
            ("```sh" | "<!-- test: run", _) => {
                let end = if line == "```sh" { "```" } else { "-->" };
                let block = Block { line: index + 1, script: inside(end), ..next };
                blocks.push(block);
                next = Block::default();
            }
            ("```text", Some(block)) => block.shown = Some(inside("```")),
            // What it says of the file stands before it.
            ("```json" | "```toml", Some(block)) if block.prints_an_entry() => {
                block.shown = Some("...\n".to_owned() + &inside("```"));
            }
            ("```jsonl", Some(block)) => block.typed = Some(inside("```")),
            // Any other block of text may show comments of this kind.
            (line, _) if line.starts_with("```") => drop(inside("```")),
            (line, _) => note(line, &mut next),
        }
    }
    assert_eq!(next, Block::default(), "a comment for the test without a block after it");
    blocks
}

/// Takes up what a comment for this test says.
fn note(line: &str, next: &mut Block) {
    let Some(words) = line.strip_prefix("<!-- test: ") else { return };
    let words = words.strip_suffix(" -->").expect(line);
    match words.split_once(' ').expect(line) {
        ("new", "folder") => next.new_folder = true,
        ("until", words) => next.until = Some(words.to_owned()),
        ("exit", code) => next.exit = code.parse().expect(line),
        _ => panic!("not understood: {line}"),
    }
}

#[test]
fn a_document_is_read_as_its_writers_mean_it() {
    let document = "# a\n```sh\nb\nc\n```\nprints\n```text\nd\n```\n```json\n<!-- test: x -->\n```\n\
        <!-- test: new folder -->\n<!-- test: until e f -->\n<!-- test: run\ng\n-->\n\
        <!-- test: exit 2 -->\n```sh\nh\n```\n```jsonl\n{}\n```\n";
    let owned = |text: &str| Some(text.to_owned());
    let first = Block { line: 2, script: "b\nc\n".into(), shown: owned("d\n"), ..Block::default() };
    let until = owned("e f");
    let second =
        Block { line: 15, script: "g\n".into(), new_folder: true, until, ..Block::default() };
    let typed = owned("{}\n");
    let third = Block { line: 19, script: "h\n".into(), exit: 2, typed, ..Block::default() };
    assert_eq!(blocks(document), [first, second, third]);
}
