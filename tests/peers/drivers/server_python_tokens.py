"""A server on the official Python SDK 2.x that wants a bearer token: `server_python_tokens.py http`.

`token-that-may-read` is let in. `token-without-rights` is known, and lacks the scope.
"""

from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer

from serve import arguments, serve

SCOPES = {"token-that-may-read": ["read"], "token-without-rights": []}


class Known:
    async def verify_token(self, token: str) -> AccessToken | None:
        if token not in SCOPES:
            return None
        return AccessToken(token=token, client_id="a client", scopes=SCOPES[token])


server = MCPServer(
    "python-tokens",
    token_verifier=Known(),
    auth=AuthSettings(
        issuer_url="https://issuer.example",
        resource_server_url="https://resource.example/mcp",
        required_scopes=["read"],
        validate_token_resource=False,
    ),
)


@server.tool()
async def echo(message: str) -> str:
    return f"Echo: {message}"


if __name__ == "__main__":
    serve(server.streamable_http_app(), arguments())
