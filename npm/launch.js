// Starts the program of this platform in place of this one: its standard streams, signals and exit
// code are the program's own. No dependencies, nothing that is run at installation.
"use strict";

const { spawn } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");

// The package of each platform. On Linux the first that is there: the static program of the musl
// packages runs everywhere, so nothing has to be found out about the system.
const PACKAGES = {
  "linux x64": ["mcp-secure-remote-linux-x64-musl", "mcp-secure-remote-linux-x64"],
  "linux arm64": ["mcp-secure-remote-linux-arm64-musl", "mcp-secure-remote-linux-arm64"],
  "darwin x64": ["mcp-secure-remote-darwin-x64"],
  "darwin arm64": ["mcp-secure-remote-darwin-arm64"],
  "win32 x64": ["mcp-secure-remote-win32-x64"],
  // Windows on ARM runs programs for x64.
  "win32 arm64": ["mcp-secure-remote-win32-x64"],
};

function launch(name) {
  const program = find();
  const args = process.argv.slice(2);
  if (program !== undefined && !replaced(program, name, args)) {
    start(program, name, args);
  }
}

// The file of the program, which is both programs: it looks at the name that it is called by.
// Nothing, once the user was told why there is none.
function find() {
  const platform = `${process.platform} ${process.arch}`;
  const packages = PACKAGES[platform];
  if (packages === undefined) {
    const known = Object.keys(PACKAGES).join(", ");
    fail(`no program for ${platform}`, `there are programs for ${known}`,
      "build it from source with cargo, as its README says");
    return undefined;
  }
  const file = process.platform === "win32" ? "mcp-secure-remote.exe" : "mcp-secure-remote";
  for (const candidate of packages) {
    try {
      return require.resolve(`${candidate}/bin/${file}`);
    } catch {
      // The next one, or the message below.
    }
  }
  fail(`the program for ${platform} is not installed`,
    `the optional package \`${packages.join("` or `")}\` is missing`,
    "install again without `--no-optional` or `--omit=optional`, on the system that runs it");
  return undefined;
}

// Newer Node can become the program, so that nothing stands between it and the host.
function replaced(program, name, args) {
  if (process.platform === "win32" || process.execve === undefined || !runnable(program)) {
    return false;
  }
  process.execve(program, [name, ...args], process.env);
  return true;
}

// Node crashes where it cannot become a program. Where that can be foreseen, the program is started
// as a process of its own, and fails with a reason.
function runnable(program) {
  try {
    fs.accessSync(program, fs.constants.X_OK);
    return fs.statSync(program).isFile();
  } catch {
    return false;
  }
}

function start(program, name, args) {
  const child = spawn(program, args, { argv0: name, stdio: "inherit", windowsHide: true });
  const forwarded = ["SIGTERM", "SIGHUP"];
  if (process.stdin.isTTY) {
    // Ctrl-C reaches both of us, and a second one would end the program at once.
    process.on("SIGINT", () => {});
  } else {
    forwarded.push("SIGINT");
  }
  for (const signal of forwarded) {
    process.on(signal, () => child.kill(signal));
  }
  child.on("error", (error) => fail(`cannot start \`${program}\``, error.message,
    "install the package again; its folder has to allow that programs are run"));
  child.on("exit", (code, signal) => end(code, signal));
}

// Ends as the program did.
function end(code, signal) {
  if (signal === null) {
    process.exit(code);
  }
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Where that signal does not end us, the code that shells use for it.
  setImmediate(() => process.exit(128 + (os.constants.signals[signal] ?? 0)));
}

function fail(error, cause, hint) {
  process.stderr.write(`error: ${error}\ncause: ${cause}\nhint:  ${hint}\n`);
  process.exitCode = 1;
}

module.exports = launch;
