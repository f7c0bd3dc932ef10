//! The scripted MCP server as a program: see `scripted/main.rs`.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The program, compiled once in each run of the tests.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(compile)
}

fn compile() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/scripted/main.rs");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join("scripted-mcp-server");
    // Another run may be using the file of that name.
    let fresh = folder.join(format!("scripted-mcp-server-{}", std::process::id()));
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut compiler = Command::new(rustc);
    compiler.args(["--edition", "2024", "-C", "opt-level=1", "-C", "strip=symbols", "-o"]);
    let status = compiler.arg(&fresh).arg(&source).status();
    assert!(status.is_ok_and(|status| status.success()), "rustc compiles the scripted server");
    std::fs::rename(&fresh, &program).expect("the program gets its name");
    program
}
