"""The bundle that desktop hosts install by a double click: a zip file with `manifest.json`."""

import json
from pathlib import Path

import archives
import project

#: The folder in the bundle, and so the system, of each target; one program a system.
SYSTEMS = {
    "x86_64-unknown-linux-static": "linux",
    "universal-apple-darwin": "darwin",
    "x86_64-pc-windows-msvc": "win32",
}

#: What the host asks its user for: key, variable of the program, title, description.
FILES = [
    ("certificate", "MCP_REMOTE_TLS_CERT", "Client certificate", "PEM, with its intermediates"),
    ("key", "MCP_REMOTE_TLS_KEY", "Private key", "PEM, of the client certificate"),
    ("pfx", "MCP_REMOTE_TLS_PFX", "PKCS#12 bundle", "Instead of certificate and key"),
    ("ca", "MCP_REMOTE_TLS_CA", "CA of the server", "PEM, unless the system trusts it already"),
]


def bundle(folders: dict[str, Path], out: Path) -> Path:
    """One bundle for all systems whose programs are in `folders`."""
    folders = {SYSTEMS[target]: folder for target, folder in folders.items() if target in SYSTEMS}
    programs = {system: project.programs(folder)[0] for system, folder in folders.items()}
    places = {system: f"server/{system}/{file.name}" for system, file in programs.items()}
    text = json.dumps(_manifest(places), indent=2) + "\n"
    path = out / f"{project.NAME}-{project.VERSION}.mcpb"
    files = [archives.file(places[it], file, True) for it, file in programs.items()]
    archives.zip_file(path, [
        ("manifest.json", text.encode(), False),
        archives.file("LICENSE", project.ROOT / "LICENSE"),
        *files,
    ])
    return path


def _manifest(places: dict[str, str]) -> dict:
    commands = {system: "${__dirname}/" + place for system, place in places.items()}
    first = next(iter(places))
    env = {variable: f"${{user_config.{key}}}" for key, variable, *_ in FILES}
    env["MCP_REMOTE_TLS_PASSPHRASE"] = "${user_config.passphrase}"
    return {
        "manifest_version": "0.3",
        "name": project.NAME,
        "display_name": "Remote MCP server over mutual TLS",
        "version": project.VERSION,
        "description": project.DESCRIPTION,
        "author": {"name": f"The {project.NAME} contributors", "url": project.REPOSITORY},
        "repository": {"type": "git", "url": f"{project.REPOSITORY}.git"},
        "license": project.LICENSE,
        "keywords": project.KEYWORDS,
        # They are those of the server at the other end.
        "tools_generated": True,
        "prompts_generated": True,
        "server": {
            "type": "binary",
            "entry_point": places[first],
            "mcp_config": {
                "command": commands[first],
                "args": ["${user_config.server_url}"],
                "env": env,
                "platform_overrides": {it: {"command": command} for it, command in commands.items()},
            },
        },
        "compatibility": {"platforms": list(places)},
        "user_config": _user_config(),
    }


def _user_config() -> dict:
    options = {
        "server_url": {
            "type": "string",
            "title": "Server URL",
            "description": "Such as https://mcp.example.com/mcp",
            "required": True,
        }
    }
    for key, _, title, description in FILES:
        options[key] = _optional("file", title, description)
    options["passphrase"] = _optional("string", "Passphrase", "Of the key or PKCS#12 bundle")
    options["passphrase"]["sensitive"] = True
    return options


def _optional(kind: str, title: str, description: str) -> dict:
    # Without a default some hosts hand on the placeholder itself; an empty variable counts as none.
    texts = {"type": kind, "title": title, "description": description}
    return {**texts, "required": False, "default": ""}
