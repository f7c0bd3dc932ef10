"""What every Python host does with a server, whatever the version of its SDK.

The host hands in a session object; results are read in their wire form, in which both SDKs agree.
"""

import json
import os
import ssl

import anyio

MESSAGE = 'naïve "quotes" \\ 日本語 🦀\nsecond line \u2028 end'
LARGE = "0123456789abcdef" * 20_000  # more than any pipe, record or window holds at once
# The one call to mcp-server-time or server-filesystem.
SIMPLE = {"get_current_time": {"timezone": "UTC"}, "list_allowed_directories": {}}
LIMIT = 20  # seconds, for whatever has to arrive


def http_client(library, headers=None, timeout=None, auth=None):
    """A client of httpx or httpx2, with the certificates that the environment names."""
    verify = True
    if "PEER_CA" in os.environ:
        verify = ssl.create_default_context(cafile=os.environ["PEER_CA"])
        verify.load_cert_chain(os.environ["PEER_CERTIFICATE"], os.environ["PEER_KEY"])
    timeout = timeout or library.Timeout(30, read=300)
    return library.AsyncClient(
        verify=verify, trust_env=False, headers=headers, timeout=timeout, auth=auth
    )


def wire(model) -> dict:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


async def text_of(session, name: str, arguments: dict) -> str:
    result = wire(await session.call_tool(name, arguments))
    return "\n".join(part.get("text", "") for part in result["content"])


async def tour(session, seen: dict, announced: anyio.Event) -> None:
    """Fills `seen`, step by step, so that a failure shows how far the tour came."""
    seen["tools"] = [tool["name"] for tool in wire(await session.list_tools())["tools"]]
    for name, arguments in SIMPLE.items():
        if name in seen["tools"]:  # a server with tools of its own
            seen["answer"] = await text_of(session, name, arguments)
            return
    seen["echo"] = await text_of(session, "echo", {"message": MESSAGE}) == f"Echo: {MESSAGE}"
    seen["large"] = await text_of(session, "echo", {"message": LARGE}) == f"Echo: {LARGE}"
    seen["progress"] = await progress(session)
    seen["error"] = await error(session)
    seen["concurrent"] = await concurrent(session)
    seen["sampled"] = await text_of(session, "trigger-sampling-request", {"prompt": "hello"})
    seen["elicited"] = await text_of(session, "trigger-elicitation-request", {})
    seen["cancelled"] = await cancellation(session, "cancellations" in seen["tools"])
    if "announce" in seen["tools"]:
        await text_of(session, "announce", {})
        with anyio.fail_after(LIMIT):
            await announced.wait()
        seen["announced"] = True


async def progress(session) -> list[float]:
    steps = []

    async def note(done: float, total: float | None, message: str | None) -> None:
        steps.append(done)

    arguments = {"duration": 0.3, "steps": 3}
    await session.call_tool("trigger-long-running-operation", arguments, progress_callback=note)
    return steps


async def error(session) -> str:
    try:
        result = wire(await session.call_tool("no-such-tool", {}))
    except Exception as refused:  # the SDKs differ in the class
        return str(refused)
    return result["content"][0]["text"] if result["isError"] else ""


async def concurrent(session) -> int:
    right = []

    async def one(number: int) -> None:
        if await text_of(session, "echo", {"message": str(number)}) == f"Echo: {number}":
            right.append(number)

    async with anyio.create_task_group() as tasks:
        for number in range(16):
            tasks.start_soon(one, number)
    return len(right)


async def cancellation(session, counted: bool) -> bool:
    """Gives up on a long call; true when the server noticed, or at least still answers."""
    started = anyio.Event()

    async def note(done: float, total: float | None, message: str | None) -> None:
        started.set()

    async def call() -> None:
        arguments = {"duration": 600, "steps": 6000}
        await session.call_tool("trigger-long-running-operation", arguments, progress_callback=note)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call)
        await started.wait()
        if hasattr(session, "cancel_newest"):  # the 1.x SDK leaves the notification to its user
            await session.cancel_newest()
        tasks.cancel_scope.cancel()
    with anyio.fail_after(LIMIT):
        while counted and await text_of(session, "cancellations", {}) == "0":
            pass
    return "Echo: still here" == await text_of(session, "echo", {"message": "still here"})


def finish(seen: dict) -> None:
    print(json.dumps(seen))
