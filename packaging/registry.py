"""`server.json`: what the registry of MCP servers is told of the packages."""

import json
from hashlib import sha256
from pathlib import Path

import project

SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"

#: The variables that a host asks its user for: name, description, what it is.
VARIABLES = [
    ("MCP_REMOTE_TLS_CERT", "Client certificate: PEM, with its intermediates", "filepath"),
    ("MCP_REMOTE_TLS_KEY", "Private key of the client certificate, PEM", "filepath"),
    ("MCP_REMOTE_TLS_PFX", "PKCS#12 bundle, instead of certificate and key", "filepath"),
    ("MCP_REMOTE_TLS_PASSPHRASE", "Passphrase of the key or bundle", "secret"),
    ("MCP_REMOTE_TLS_CA", "CA of the server, unless the system trusts it already", "filepath"),
]


def server(bundle: Path | None, image: str | None, out: Path) -> Path:
    """`bundle` and `image` (with its tag) are told where there are such."""
    packages = [
        {"registryType": "pypi", "identifier": project.NAME, "runtimeHint": "uvx"},
        {"registryType": "npm", "identifier": project.NAME, "runtimeHint": "npx"},
    ]
    for package in packages:
        package["version"] = project.VERSION
    if image:
        # Paths on this machine mean nothing in a container: its user mounts them by hand.
        packages.append({"registryType": "oci", "identifier": image, "runtimeHint": "docker"})
    if bundle:
        address = f"{project.DOWNLOADS}/{bundle.name}"
        digest = sha256(bundle.read_bytes()).hexdigest()
        packages.append({"registryType": "mcpb", "identifier": address, "fileSha256": digest})
    for package in packages:
        package["transport"] = {"type": "stdio"}
        package["packageArguments"] = [_address()]
        package["environmentVariables"] = [_variable(*it) for it in VARIABLES]
    description = {
        "$schema": SCHEMA,
        "name": project.SERVER_NAME,
        "title": "Remote MCP server over mutual TLS",
        "description": project.DESCRIPTION,
        "repository": {"url": project.REPOSITORY, "source": "github"},
        "version": project.VERSION,
        "packages": packages,
    }
    path = out / "server.json"
    path.write_text(json.dumps(description, indent=2) + "\n")
    return path


def _address() -> dict:
    return {
        "type": "positional",
        "valueHint": "server_url",
        "description": "URL of the remote MCP server",
        "placeholder": "https://mcp.example.com/mcp",
        "isRequired": True,
    }


def _variable(name: str, description: str, kind: str) -> dict:
    variable = {"name": name, "description": description}
    return {**variable, **({"isSecret": True} if kind == "secret" else {"format": kind})}
