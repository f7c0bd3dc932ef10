"""A host on the official Python SDK 2.x: `host_python_v2.py MODE COMMAND...`, one JSON line out."""

import sys
import traceback

import anyio
from mcp import Client, StdioServerParameters
from mcp_types import CreateMessageResult, ElicitResult, ListRootsResult, TextContent

from tour import finish, tour

seen = {}
announced = anyio.Event()


async def sample(context, params) -> CreateMessageResult:
    text = TextContent(type="text", text="the model answers")
    return CreateMessageResult(role="assistant", model="test", content=text)


async def elicit(context, params) -> ElicitResult:
    return ElicitResult(action="accept", content={"name": "Ada"})


async def roots(context) -> ListRootsResult:
    seen["roots_asked"] = True
    return ListRootsResult(roots=[])


async def note(message) -> None:
    if getattr(message, "method", None) == "notifications/tools/list_changed":
        announced.set()


async def main() -> None:
    mode, command, *arguments = sys.argv[1:]
    bridge = StdioServerParameters(command=command, args=arguments)
    async with Client(
        bridge,
        mode=mode,
        sampling_callback=sample,
        elicitation_callback=elicit,
        list_roots_callback=roots,
        message_handler=note,
    ) as client:
        seen["protocol"] = client.protocol_version
        if client.server_info:  # unknown when the version is pinned and nothing was asked
            seen["server"] = client.server_info.name
        if client.protocol_version == "2026-07-28":
            async with client.listen(tools_list_changed=True):
                await tour(client, seen, announced)
        else:
            await tour(client, seen, announced)
    seen["finished"] = True


try:
    anyio.run(main)
except BaseException:
    traceback.print_exc()
finish(seen)
