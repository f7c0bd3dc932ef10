"""npm: one package for each platform, and the launcher that picks one."""

import json
from pathlib import Path

import archives
import project

#: The platform of npm for each target of Rust: name, `os`, `cpu`, `libc`.
PLATFORMS = {
    "x86_64-unknown-linux-gnu": ("linux-x64", "linux", "x64", "glibc"),
    "aarch64-unknown-linux-gnu": ("linux-arm64", "linux", "arm64", "glibc"),
    "x86_64-unknown-linux-static": ("linux-x64-musl", "linux", "x64", "musl"),
    "aarch64-unknown-linux-static": ("linux-arm64-musl", "linux", "arm64", "musl"),
    "x86_64-apple-darwin": ("darwin-x64", "darwin", "x64", None),
    "aarch64-apple-darwin": ("darwin-arm64", "darwin", "arm64", None),
    # Windows on ARM runs programs for x64.
    "x86_64-pc-windows-msvc": ("win32-x64", "win32", "x64 arm64", None),
}


def platform(target: str, programs: Path, out: Path) -> Path:
    """The package of one platform: one program, which is the other one too under its name."""
    name, os, cpu, libc = PLATFORMS[target]
    manifest = _manifest(f"{project.NAME}-{name}", f"The program of {project.NAME} for {name}")
    manifest["os"] = [os]
    manifest["cpu"] = cpu.split()
    if libc:
        manifest["libc"] = [libc]
    # Yarn would keep it packed otherwise, and a program has to be a file.
    manifest["preferUnplugged"] = True
    readme = f"# {manifest['name']}\n\n{manifest['description']}. Install `{project.NAME}`.\n"
    program = project.programs(programs)[0]
    files = [archives.file(f"bin/{program.name}", program, True)]
    return _pack(out, manifest, [("README.md", readme.encode(), False), *files])


def launcher(out: Path) -> Path:
    """The package that users name."""
    manifest = _manifest(project.NAME, project.DESCRIPTION)
    manifest["mcpName"] = project.SERVER_NAME
    manifest["keywords"] = project.KEYWORDS
    manifest["bin"] = {name: f"{name}.js" for name in project.PROGRAMS}
    manifest["engines"] = {"node": ">=18"}
    names = (name for name, *_ in PLATFORMS.values())
    manifest["optionalDependencies"] = {f"{project.NAME}-{it}": project.VERSION for it in names}
    folder = project.ROOT / "npm"
    scripts = [f"{name}.js" for name in project.PROGRAMS]
    files = [archives.file(it, folder / it, it in scripts) for it in ["README.md", "launch.js", *scripts]]
    return _pack(out, manifest, files)


def _manifest(name: str, description: str) -> dict:
    return {
        "name": name,
        "version": project.VERSION,
        "description": description,
        "license": project.LICENSE,
        "repository": {"type": "git", "url": f"git+{project.REPOSITORY}.git"},
    }


def _pack(out: Path, manifest: dict, files: list[archives.Entry]) -> Path:
    text = json.dumps(manifest, indent=2) + "\n"
    files = [
        ("package.json", text.encode(), False),
        archives.file("LICENSE", project.ROOT / "LICENSE"),
        *files,
    ]
    path = out / f"{manifest['name']}-{project.VERSION}.tgz"
    # npm wants all of it in one folder, `package`.
    archives.tar_gz(path, [(f"package/{name}", *rest) for name, *rest in files])
    return path
