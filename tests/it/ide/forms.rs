//! What the file of each client may hold, as the client itself documents it: members that it does not
//! name are not there. `docs/ide.md` says where that was read.

use serde_json::Value;
use serde_json::json;

/// Fails unless this is what `client` takes: a file with the entry `example` and nothing else.
#[track_caller]
pub(crate) fn check(client: &str, file: &Value) {
    let validator = jsonschema::validator_for(&form(client)).unwrap();
    if let Err(error) = validator.validate(file) {
        panic!("{client}: {error} at `{}`: {file:#}", error.instance_path());
    }
}

fn form(client: &str) -> Value {
    match client {
        // modelcontextprotocol.io, "Connect to local MCP servers"; windsurf: docs.windsurf.com
        "claude-desktop" | "windsurf" | "generic" => {
            file("mcpServers", &["command", "args"], json!({}))
        }
        // Claude Code writes `type` itself (`claude mcp add`); Cursor's document has it, as others quote that.
        "claude-code" | "cursor" => {
            file("mcpServers", &["type", "command"], json!({"type": {"const": "stdio"}}))
        }
        // `config-loader.ts` of cline/cline: an empty command is refused.
        "cline" | "cline-cli" => {
            file("mcpServers", &["command"], json!({"command": {"type": "string", "minLength": 1}}))
        }
        // `packages/config-yaml/src/schemas/mcp/json.ts` of continuedev/continue.
        "continue" => file("mcpServers", &["command"], json!({"envFile": {"type": "string"}})),
        // `crates/settings_content/src/project.rs` of zed-industries/zed; older versions need `source`.
        "zed" => {
            let more = json!({"source": {"const": "custom"}, "enabled": {"type": "boolean"}});
            file("context_servers", &["source", "command"], more)
        }
        // `mcpConfiguration.ts` of microsoft/vscode, which takes no other member.
        "vscode" => {
            let more = json!({"type": {"const": "stdio"}, "cwd": {"type": "string"}, "envFile": {"type": "string"}});
            file("servers", &["type", "command"], more)
        }
        // junie.jetbrains.com, "MCP configuration", as others quote it.
        "jetbrains" => file("mcpServers", &["command"], json!({})),
        // `schemas/settings.schema.json` of google-gemini/gemini-cli, which takes no other member.
        "gemini" => {
            let more = json!({"cwd": {"type": "string"}, "timeout": {"type": "number"}, "trust": {"type": "boolean"},
                "type": {"const": "stdio"}});
            file("mcpServers", &["command"], more)
        }
        // What `codex mcp get --json` of Codex 0.169 shows.
        "codex" => {
            let more = json!({"cwd": {"type": "string"}, "enabled": {"type": "boolean"},
                "env_vars": {"type": "array", "items": {"type": "string"}}});
            file("mcp_servers", &["command"], more)
        }
        _ => panic!("the form of `{client}` is not known"),
    }
}

/// A file with one server, which has `more` members than all of them have.
fn file(key: &str, required: &[&str], more: Value) -> Value {
    let text = json!({"type": "string"});
    let mut members = json!({
        "command": text,
        "args": {"type": "array", "items": text},
        "env": {"type": "object", "additionalProperties": text},
    });
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let entry = json!({
        "type": "object", "properties": members, "required": required, "additionalProperties": false,
    });
    let object = |name: &str, value: Value| {
        json!({
            "type": "object", "properties": {name: value}, "required": [name], "additionalProperties": false,
        })
    };
    object(key, object("example", entry))
}

#[test]
fn a_form_refuses_what_its_client_does_not_take() {
    let vscode = json!({"servers": {"example": {"type": "stdio", "command": "c"}}});
    check("vscode", &vscode);
    let valid = |client: &str, file: &Value| jsonschema::is_valid(&form(client), file);
    for (client, file) in [
        ("vscode", json!({"mcpServers": {"example": {"type": "stdio", "command": "c"}}})),
        ("vscode", json!({"servers": {"example": {"command": "c"}}})),
        ("vscode", json!({"servers": {"example": {"type": "stdio", "command": "c", "x": 1}}})),
        ("codex", json!({"mcp_servers": {"example": {"command": "c", "type": "stdio"}}})),
        (
            "zed",
            json!({"context_servers": {"example": {"source": "custom", "command": {"path": "c"}}}}),
        ),
        ("gemini", json!({"mcpServers": {"example": {"command": "c", "env": {"A": 1}}}})),
        ("cline", json!({"mcpServers": {"example": {"command": ""}}})),
        (
            "cursor",
            json!({"mcpServers": {"example": {"type": "stdio", "command": "c", "args": "a"}}}),
        ),
    ] {
        assert!(!valid(client, &file), "{client}: {file}");
    }
}
