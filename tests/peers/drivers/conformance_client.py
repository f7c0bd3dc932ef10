"""The client under the conformance suite: `conformance_client.py [BRIDGE COMMAND...] URL`.

Without a bridge the official Python SDK 2.x speaks HTTP itself; with one the URL becomes the last
argument of the bridge, and the same SDK speaks stdio to it. The suite names the scenario and the
protocol version in the environment. What the client saw goes to standard output, one JSON line a
request.
"""

import json
import os
import sys

import anyio
from mcp import Client, StdioServerParameters
from mcp_types import CreateMessageResult, ElicitResult, ListRootsResult, TextContent

SCENARIO = os.environ["MCP_CONFORMANCE_SCENARIO"]
CONTEXT = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}"))
IS_MODERN = os.environ["MCP_CONFORMANCE_PROTOCOL_VERSION"] >= "2026-07-28"

CALLS = {
    "tools_call": [("add_numbers", {"a": 5, "b": 3})],
    "request-metadata": [("add_numbers", {"a": 5, "b": 3})],
    "sse-retry": [("test_reconnection", {})],
    "elicitation-sep1034-client-defaults": [("test_client_elicitation_defaults", {})],
    "sep-2322-client-request-state": [
        ("test_mrtr_echo_state", {}),
        ("test_mrtr_unrelated", {}),
        ("test_mrtr_no_state", {}),
        ("test_mrtr_no_result_type", {}),
    ],
    "http-custom-headers": [
        (call["name"], call.get("arguments") or {}) for call in CONTEXT.get("toolCalls", [])
    ],
}


async def sample(context, params) -> CreateMessageResult:
    text = TextContent(type="text", text="the model answers")
    return CreateMessageResult(role="assistant", model="test", content=text)


async def elicit(context, params) -> ElicitResult:
    """Accepts with the defaults of the form; a yes-or-no question is answered with yes."""
    fields = params.requested_schema.get("properties", {})
    content = {name: field["default"] for name, field in fields.items() if "default" in field}
    if "confirmed" in fields:
        content["confirmed"] = True
    return ElicitResult(action="accept", content=content)


async def roots(context) -> ListRootsResult:
    return ListRootsResult(roots=[])


def dummy_arguments(schema: dict) -> dict:
    """The least that a tool's schema asks for."""
    values = {"integer": 0, "number": 0, "boolean": False, "object": {}, "array": []}
    fields = schema.get("properties", {})
    needed = schema.get("required", [])
    return {name: values.get(fields.get(name, {}).get("type"), "x") for name in needed}


def calls(tools: list) -> list[tuple[str, dict]]:
    """The calls of this scenario, given what the server lists."""
    if SCENARIO == "json-schema-2020-12-preservation":
        focal = next(tool for tool in tools if tool.name == "json_schema_2020_12_tool")
        return [("json_schema_echo", {"schema": focal.input_schema})]
    if SCENARIO in CALLS:
        names = {tool.name for tool in tools}
        return [call for call in CALLS[SCENARIO] if call[0] in names]
    return [(tool.name, dummy_arguments(tool.input_schema)) for tool in tools]


async def ask(what: str, request):
    """Notes the outcome; a refusal is an outcome too, some mocks refuse on purpose."""
    try:
        outcome = await request
        print(json.dumps({what: outcome.model_dump(mode="json", by_alias=True)}))
        return outcome
    except Exception as failure:
        print(json.dumps({what: f"{type(failure).__name__}: {failure}"}))


async def every_listed_thing(client: Client) -> None:
    """Resources and prompts too, so that each kind of request passes once."""
    for resource in (await client.list_resources()).resources:
        await ask(resource.uri, client.read_resource(resource.uri))
    for prompt in (await client.list_prompts()).prompts:
        await ask(prompt.name, client.get_prompt(prompt.name))


async def main() -> None:
    *bridge, url = sys.argv[1:]
    server = StdioServerParameters(command=bridge[0], args=[*bridge[1:], url]) if bridge else url
    # This mock speaks the handshake alone, at whatever version it is run.
    is_modern = IS_MODERN and SCENARIO != "json-schema-ref-no-deref"
    async with Client(
        server,
        mode="auto" if is_modern else "legacy",
        sampling_callback=sample,
        elicitation_callback=elicit,
        list_roots_callback=roots,
    ) as client:
        listed = await ask("tools/list", client.list_tools())
        for name, arguments in calls(listed.tools):
            await ask(name, client.call_tool(name, arguments))
        if SCENARIO == "http-standard-headers":
            await every_listed_thing(client)


anyio.run(main)
