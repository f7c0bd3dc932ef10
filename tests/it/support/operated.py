"""An MCP server of both eras for the tests of operating `serve`. A tool does what its name says."""
import json
import os
import sys
import time


def result(message):
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        version = params.get("protocolVersion", "2025-11-25")
        info = {"name": "operated", "version": "1"}
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "server/discover":
        return {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
    if method == "tools/list":
        return {"tools": []}
    if method == "tools/call":
        return tool(params["name"], params.get("arguments", {}))
    return None


def tool(name, arguments):
    if name == "wait":
        print("waiting", file=sys.stderr, flush=True)
        while not os.path.exists(arguments["for"]):
            time.sleep(0.005)
    if name == "say":
        print(arguments["text"], file=sys.stderr, flush=True)
    if name == "noise":
        print("this is no message", flush=True)
    return {"content": [{"type": "text", "text": f"{name} by {os.getpid()}"}]}


for line in sys.stdin:
    message = json.loads(line)
    if "id" not in message or "method" not in message:
        continue
    answer = {"jsonrpc": "2.0", "id": message["id"]}
    found = result(message)
    if found is None:
        answer["error"] = {"code": -32601, "message": "no such method"}
    else:
        answer["result"] = found
    print(json.dumps(answer), flush=True)
