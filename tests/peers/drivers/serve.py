"""Serves an ASGI application on the loopback address, over TLS with client certificates if asked."""

import argparse
import asyncio
import os
import socket
import ssl

import uvicorn


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("transport", choices=["http", "sse", "stdio"])
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--client-ca")
    parser.add_argument("--stateless", action="store_true")
    parser.add_argument("--json-response", action="store_true")
    return parser.parse_args()


def serve(app, options: argparse.Namespace) -> None:
    """Prints `LISTENING <port>` once connections are accepted, then serves until it is killed.

    The port is the one that `PORT` names, or a free one.
    """
    listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "0"))))
    tls = {}
    if options.certificate:
        tls = {
            "ssl_certfile": options.certificate,
            "ssl_keyfile": options.key,
            "ssl_ca_certs": options.client_ca,
            "ssl_cert_reqs": ssl.CERT_REQUIRED,
        }
    config = uvicorn.Config(app, log_level="info", **tls)
    print(f"LISTENING {listener.getsockname()[1]}", flush=True)
    asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
