"""What the conformance suite asks a server for, by the names it uses: `fixture_python_v2.py WIRE`.

On the official Python SDK 2.x, both eras, over HTTP or over standard input and output.
"""

import json
from typing import Annotated, Any

import anyio
from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity
from mcp.server.mcpserver.prompts.base import Prompt, UserMessage
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    Completion,
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import BaseModel, Field

from serve import arguments, serve

# One red pixel, and a WAV file without a sample.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
SILENCE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
SECRET = b"seals what clients hand back to us"  # all processes of the fixture have to agree

server = MCPServer(
    "conformance-fixture",
    version="1.0.0",
    request_state_security=RequestStateSecurity(keys=[SECRET]),
)


def text(words: str) -> TextContent:
    return TextContent(type="text", text=words)


def image() -> ImageContent:
    return ImageContent(type="image", data=PIXEL, mime_type="image/png")


def embedded(uri: str, mime_type: str = "text/plain") -> EmbeddedResource:
    contents = TextResourceContents(uri=uri, mime_type=mime_type, text='{"inside": true}')
    return EmbeddedResource(type="resource", resource=contents)


def user(content) -> UserMessage:
    return UserMessage(role="user", content=content)


# Plain answers.


@server.tool()
def test_simple_text() -> str:
    return "plain words"


@server.tool()
def test_image_content() -> list[ImageContent]:
    return [image()]


@server.tool()
def test_audio_content() -> list[AudioContent]:
    return [AudioContent(type="audio", data=SILENCE, mime_type="audio/wav")]


@server.tool()
def test_embedded_resource() -> list[EmbeddedResource]:
    return [embedded("test://embedded-resource")]


@server.tool()
def test_multiple_content_types() -> list[TextContent | ImageContent | EmbeddedResource]:
    return [text("three kinds"), image(), embedded("test://mixed", "application/json")]


@server.tool()
def test_error_handling() -> str:
    raise RuntimeError("it fails each time")


@server.tool()
def test_x_mcp_header(
    region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "nowhere",
) -> str:
    return f"region {region}"


@server.tool()
def json_schema_2020_12_tool() -> str:
    return "its schema is what matters"


# The SDK derives schemas from signatures, which cannot say all this.
server._tool_manager._tools["json_schema_2020_12_tool"].parameters = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
    "$defs": {"address": {"$anchor": "addressDef", "type": "object"}},
    "allOf": [{"anyOf": [{"required": ["name"]}, {"required": ["address"]}]}],
    "if": {"required": ["address"]},
    "then": {"minProperties": 2},
    "else": {"maxProperties": 1},
}


# What is said while a call runs.


@server.tool()
async def test_tool_with_logging(ctx: Context) -> str:
    for step in ["started", "working", "done"]:
        await ctx.info(step)
        await anyio.sleep(0.05)
    return "logged"


@server.tool()
async def test_tool_with_progress(ctx: Context) -> str:
    for done in [0, 50, 100]:
        await ctx.report_progress(done, 100, f"{done} of 100")
        await anyio.sleep(0.05)
    return "progressed"


@server.tool()
async def test_reconnection(ctx: Context) -> str:
    await ctx.close_sse_stream()  # without effect where there is none
    await anyio.sleep(0.2)
    return "came back"


@server.tool()
async def test_trigger_tool_change(ctx: Context) -> str:
    server.add_tool(test_simple_text, name="fleeting")
    server.remove_tool("fleeting")
    await ctx.notify_tools_changed()
    return "changed"


@server.tool()
async def test_trigger_prompt_change(ctx: Context) -> str:
    server.add_prompt(Prompt.from_function(test_simple_prompt, name="fleeting"))
    server.remove_prompt("fleeting")
    await ctx.notify_prompts_changed()
    return "changed"


# Questions to the client, in the legacy era.


class Reply(BaseModel):
    response: str


class Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field("active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


def titled(*names: str) -> list[dict[str, str]]:
    return [{"const": name, "title": name.title()} for name in names]


def choice(**schema) -> Any:
    return Field(json_schema_extra=schema)


class Choices(BaseModel):
    untitledSingle: str = choice(enum=["one", "two"])
    titledSingle: str = choice(oneOf=titled("low", "high"))
    untitledMulti: list[str] = choice(items={"type": "string", "enum": ["read", "write"]})
    titledMulti: list[str] = choice(items={"anyOf": titled("bug", "feature")})
    legacyEnum: str = choice(enum=["small", "large"], enumNames=["Small", "Large"])


async def ask(ctx: Context, message: str, form: type[BaseModel]) -> str:
    answer = await ctx.elicit(message, form)
    content = answer.data.model_dump_json() if answer.action == "accept" else "{}"
    return f"action={answer.action}, content={content}"


@server.tool()
async def test_elicitation(message: str, ctx: Context) -> str:
    return await ask(ctx, message, Reply)


@server.tool()
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    return await ask(ctx, "Who are you?", Defaults)


@server.tool()
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    return await ask(ctx, "Which ones?", Choices)


@server.tool()
async def test_sampling(prompt: str, ctx: Context) -> str:
    answer = await ctx.session.create_message(
        [SamplingMessage(role="user", content=text(prompt))],
        max_tokens=50,
        related_request_id=ctx.request_id,
    )
    return f"the model said: {answer.content.text}"


# Questions to the client, in the modern era: in a result, and answered in the next call.

TEXT_FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def form(message: str) -> ElicitRequest:
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=TEXT_FORM))


def sampling(prompt: str) -> CreateMessageRequest:
    messages = [SamplingMessage(role="user", content=text(prompt))]
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=messages, max_tokens=50))


def missing(ctx: Context, questions: dict, state: str | None = None) -> InputRequiredResult | None:
    """The questions, unless each of them has been answered."""
    if questions.keys() <= (ctx.input_responses or {}).keys():
        return None
    return InputRequiredResult(input_requests=questions, request_state=state)


@server.tool()
async def test_input_required_result_elicitation(ctx: Context) -> str | InputRequiredResult:
    questions = {"user_name": form("What is your name?")}
    return missing(ctx, questions) or f"Hello, {ctx.input_responses['user_name'].content['name']}"


@server.tool()
async def test_input_required_result_sampling(ctx: Context) -> str | InputRequiredResult:
    questions = {"capital_question": sampling("What is the capital of France?")}
    return missing(ctx, questions) or ctx.input_responses["capital_question"].content.text


@server.tool()
async def test_input_required_result_list_roots(ctx: Context) -> str | InputRequiredResult:
    questions = {"client_roots": ListRootsRequest()}
    return missing(ctx, questions) or f"{len(ctx.input_responses['client_roots'].roots)} roots"


@server.tool()
async def test_input_required_result_request_state(ctx: Context) -> str | InputRequiredResult:
    return missing(ctx, {"confirm": form("Go on?")}, "kept") or f"state-ok: {ctx.request_state}"


@server.tool()
async def test_input_required_result_tampered_state(ctx: Context) -> str | InputRequiredResult:
    # The SDK refuses a state that it has not sealed before this is called.
    return missing(ctx, {"confirm": form("Go on?")}, "sealed") or f"state-ok: {ctx.request_state}"


@server.tool()
async def test_input_required_result_multiple_inputs(ctx: Context) -> str | InputRequiredResult:
    questions = {
        "user_name": form("What is your name?"),
        "greeting": sampling("Say hello"),
        "client_roots": ListRootsRequest(),
    }
    return missing(ctx, questions, "all at once") or "three answers"


@server.tool()
async def test_input_required_result_multi_round(ctx: Context) -> str | InputRequiredResult:
    done = json.loads(ctx.request_state) if ctx.request_state else []
    step = f"step{len(done) + 1}"
    answer = (ctx.input_responses or {}).get(step)
    if done and answer is None:
        done = []  # out of order: once more from the start
    if answer is not None:
        done.append(answer.content)
    if len(done) == 2:
        return f"two rounds: {json.dumps(done)}"
    question = f"step{len(done) + 1}"
    return InputRequiredResult(
        input_requests={question: form(question)}, request_state=json.dumps(done)
    )


@server.tool()
async def test_input_required_result_capabilities(ctx: Context) -> InputRequiredResult:
    can = ctx.client_capabilities
    questions = {}
    if can and can.sampling is not None:
        questions["sample"] = sampling("Say hello")
    if can and can.elicitation is not None:
        questions["ask"] = form("What is your name?")
    return InputRequiredResult(input_requests=questions, request_state="asked what can be answered")


@server.tool()
async def test_missing_capability(ctx: Context) -> str:
    can = ctx.session.client_capabilities
    if can is None or can.sampling is None:
        needed = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "this tool asks the model", needed)
    return "the client can sample"


# Resources and prompts.


@server.resource("test://static-text")
def static_text() -> str:
    return "words that stay"


@server.resource("test://static-binary")
def static_binary() -> bytes:
    return b"\x89PNG\r\n"


@server.resource("test://template/{id}/data")
def template(id: str) -> str:
    return json.dumps({"id": id})


@server.resource("test://watched-resource")
def watched() -> str:
    return "watch me"


@server.prompt()
def test_simple_prompt() -> list[UserMessage]:
    return [user(text("a prompt"))]


@server.prompt()
def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
    return [user(text(f"a prompt with {arg1} and {arg2}"))]


@server.prompt()
def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:
    return [user(embedded(resourceUri)), user(text("Read this."))]


@server.prompt()
def test_prompt_with_image() -> list[UserMessage]:
    return [user(image()), user(text("Look at this."))]


@server.prompt()
async def test_input_required_result_prompt(
    ctx: Context,
) -> list[UserMessage] | InputRequiredResult:
    questions = {"user_context": form("What about?")}
    return missing(ctx, questions) or [user(text(str(ctx.input_responses["user_context"].content)))]


@server.completion()
async def complete(ref, argument, context) -> Completion:
    return Completion(values=[], total=0, has_more=False)


async def agree(ctx, params) -> EmptyResult:
    return EmptyResult()


for method, params in {
    "logging/setLevel": SetLevelRequestParams,
    "resources/subscribe": SubscribeRequestParams,
    "resources/unsubscribe": UnsubscribeRequestParams,
}.items():
    server._lowlevel_server.add_request_handler(method, params, agree)

# Each has to have a description.
for listed in [server._tool_manager._tools, server._prompt_manager._prompts]:
    for name, item in listed.items():
        item.description = f"answers what the suite asks {name} for"


if __name__ == "__main__":
    options = arguments()
    if options.transport == "stdio":
        server.run("stdio")
    else:
        serve(server.streamable_http_app(), options)
