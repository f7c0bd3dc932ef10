"""A host on the official Python SDK 1.x: `host_python_v1.py COMMAND...`, one JSON line out.

In place of the command there may be the URL of a server.
"""

import sys
import traceback
from functools import partial

import anyio
import httpx
from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import (
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    CreateMessageResult,
    ElicitResult,
    ListRootsResult,
    ServerNotification,
    TextContent,
)

from tour import finish, http_client, tour

seen = {}
announced = anyio.Event()


class Session(ClientSession):
    async def cancel_newest(self) -> None:
        params = CancelledNotificationParams(requestId=self._request_id - 1, reason="enough")
        notification = CancelledNotification(method="notifications/cancelled", params=params)
        await self.send_notification(ClientNotification(notification))


async def sample(context, params) -> CreateMessageResult:
    text = TextContent(type="text", text="the model answers")
    return CreateMessageResult(role="assistant", model="test", content=text)


async def elicit(context, params) -> ElicitResult:
    return ElicitResult(action="accept", content={"name": "Ada"})


async def roots(context) -> ListRootsResult:
    seen["roots_asked"] = True
    return ListRootsResult(roots=[])


async def note(message) -> None:
    if (
        isinstance(message, ServerNotification)
        and message.root.method == "notifications/tools/list_changed"
    ):
        announced.set()


def server(command: str, *arguments: str):
    if not command.startswith("http"):
        return stdio_client(StdioServerParameters(command=command, args=arguments))
    client = partial(http_client, httpx)
    if command.endswith("/sse"):
        return sse_client(command, httpx_client_factory=client)
    return streamable_http_client(command, http_client=client())


async def main() -> None:
    async with (
        server(*sys.argv[1:]) as (read, write, *_),
        Session(
            read,
            write,
            sampling_callback=sample,
            elicitation_callback=elicit,
            list_roots_callback=roots,
            message_handler=note,
        ) as session,
    ):
        hello = await session.initialize()
        seen["protocol"] = hello.protocolVersion
        seen["server"] = hello.serverInfo.name
        await tour(session, seen, announced)
    seen["finished"] = True


try:
    anyio.run(main)
except BaseException:
    traceback.print_exc()
finish(seen)
