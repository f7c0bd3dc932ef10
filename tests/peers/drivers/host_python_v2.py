"""A host on the official Python SDK 2.x: `host_python_v2.py MODE COMMAND...`, one JSON line out.

In place of the command there may be the URL of a server.
"""

import sys
import traceback
from functools import partial

import anyio
import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CreateMessageResult, ElicitResult, ListRootsResult, TextContent

from tour import finish, http_client, tour

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


def server(command: str, *arguments: str):
    if not command.startswith("http"):
        return StdioServerParameters(command=command, args=arguments)
    client = partial(http_client, httpx2)
    if command.endswith("/sse"):
        return sse_client(command, httpx_client_factory=client)
    return streamable_http_client(command, http_client=client())


async def main() -> None:
    mode, *words = sys.argv[1:]
    async with Client(
        server(*words),
        mode=mode,
        sampling_callback=sample,
        elicitation_callback=elicit,
        list_roots_callback=roots,
        message_handler=note,
    ) as client:
        seen["protocol"] = client.protocol_version
        if client.server_info:  # unknown when the version is pinned and nothing was asked
            seen["server"] = client.server_info.name
        names = [tool.name for tool in (await client.list_tools()).tools]
        if client.protocol_version == "2026-07-28" and "announce" in names:
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
