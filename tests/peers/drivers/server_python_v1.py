"""A server on the official Python SDK 1.x, with the tool names of server-everything and a few more."""

import anyio
from mcp.server.fastmcp import Context, FastMCP
from mcp.types import SamplingMessage, TextContent
from pydantic import BaseModel

from serve import arguments, serve

server = FastMCP("python-v1")
cancelled = 0


class Person(BaseModel):
    name: str


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
async def sampling(prompt: str, ctx: Context) -> str:
    question = SamplingMessage(role="user", content=TextContent(type="text", text=prompt))
    answer = await ctx.session.create_message(
        [question], max_tokens=50, related_request_id=ctx.request_id
    )
    return f"sampling result: {answer.content.text}"


@server.tool(name="trigger-elicitation-request")
async def elicitation(ctx: Context) -> str:
    answer = await ctx.elicit("Who are you?", Person)
    return f"Name: {answer.data.name}"


@server.tool(name="announce")
async def announce(ctx: Context) -> str:
    await ctx.session.send_tool_list_changed()  # reaches the GET stream
    return "announced"


if __name__ == "__main__":
    options = arguments()
    server.settings.stateless_http = options.stateless
    server.settings.json_response = options.json_response
    serve(server.sse_app() if options.transport == "sse" else server.streamable_http_app(), options)
