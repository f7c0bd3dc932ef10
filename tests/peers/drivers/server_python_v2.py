"""A server on the official Python SDK 2.x, with the tool names of server-everything and a few more."""

from typing import Annotated

import anyio
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.resolve import Elicit, Resolve, Sample
from mcp_types import CreateMessageResult, SamplingMessage, TextContent
from pydantic import BaseModel

from serve import arguments, serve

server = MCPServer("python-v2")
cancelled = 0


class Person(BaseModel):
    name: str


async def ask_model(prompt: str) -> Sample:
    question = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    return Sample([question], max_tokens=50)


async def ask_user() -> Elicit[Person]:
    return Elicit("Who are you?", Person)


@server.tool(name="echo")
async def echo(message: str) -> str:
    return f"Echo: {message}"


@server.tool(name="fail")
async def fail() -> str:
    raise ValueError("this tool always fails")


@server.tool(name="trigger-long-running-operation")
async def long_running(duration: float, steps: int, ctx: Context) -> str:
    global cancelled
    try:
        for step in range(1, steps + 1):
            await anyio.sleep(duration / steps)
            await ctx.report_progress(step, steps)
    except anyio.get_cancelled_exc_class():
        cancelled += 1
        raise
    return "completed"


@server.tool(name="cancellations")
async def cancellations() -> str:
    return str(cancelled)


@server.tool(name="trigger-sampling-request")
async def sampling(prompt: str, answer: Annotated[CreateMessageResult, Resolve(ask_model)]) -> str:
    return f"sampling result: {answer.content.text}"


@server.tool(name="trigger-elicitation-request")
async def elicitation(person: Annotated[Person, Resolve(ask_user)]) -> str:
    return f"Name: {person.name}"


@server.tool(name="announce")
async def announce(ctx: Context) -> str:
    await ctx.notify_tools_changed()  # reaches `subscriptions/listen`
    if ctx.protocol_version != "2026-07-28":
        await ctx.session.send_tool_list_changed()  # reaches the GET stream
    return "announced"


if __name__ == "__main__":
    options = arguments()
    if options.transport == "stdio":
        server.run("stdio")
    elif options.transport == "sse":
        serve(server.sse_app(), options)
    else:
        how = {"stateless_http": options.stateless, "json_response": options.json_response}
        serve(server.streamable_http_app(**how), options)
