"""What the programs are made of, as CycloneDX: the packages in Cargo.lock that are built into them."""

import json
import subprocess
from pathlib import Path

import project


def sbom(out: Path) -> Path:
    """From `cargo metadata`, all systems together; nothing for tests and builds alone."""
    metadata = _metadata()
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    needed = {root: _needs(nodes[root])}
    open_ends = list(needed[root])
    while open_ends:
        if (one := open_ends.pop()) not in needed:
            needed[one] = _needs(nodes[one])
            open_ends += needed[one]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {**_component(packages[root]), "type": "application"}},
        "components": [_component(packages[it]) for it in sorted(needed) if it != root],
        "dependencies": [
            {"ref": _reference(packages[it]), "dependsOn": sorted(_reference(packages[to]) for to in needed[it])}
            for it in sorted(needed)
        ],
    }
    path = out / f"{project.NAME}-{project.VERSION}.cdx.json"
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def _metadata() -> dict:
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    return json.loads(subprocess.check_output(command, cwd=project.ROOT))


def _needs(node: dict) -> list[str]:
    """The packages that end up in the program."""
    normal = (it["pkg"] for it in node["deps"] if any(kind["kind"] is None for kind in it["dep_kinds"]))
    return sorted(set(normal))


def _reference(package: dict) -> str:
    return f"pkg:cargo/{package['name']}@{package['version']}"


def _component(package: dict) -> dict:
    component = {
        "type": "library",
        "bom-ref": _reference(package),
        "name": package["name"],
        "version": package["version"],
        "purl": _reference(package),
    }
    if package["license"]:
        # Some old packages write a slash for `OR`.
        component["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    return component
