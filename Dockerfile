# The bridge, `certs` and the probe, and nothing else in the image:
#   docker build -t mcp-secure-remote .
# `serve`, with Node and uv for what `npx` and `uvx` start:
#   docker build -t mcp-secure-remote:runner --target runner .

# Any image with Rust, a C compiler and the CAs of the system will do. What it is built for is what it runs on.
ARG BUILDER=rust:1.95-slim-bookworm
ARG NODE=node:22-bookworm-slim
ARG UV=astral/uv:0.9

FROM ${BUILDER} AS build
WORKDIR /build
COPY . .
# With --target the flag is not for build scripts and macros, which cannot be static. The probe is the same
# program under another name: two would not fit into 15 MB.
RUN --mount=type=cache,id=mcp-secure-remote-crates,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=mcp-secure-remote-target,target=/build/target,sharing=locked \
    host="$(rustc -vV | sed -n 's/^host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" \
       cargo rustc --locked --release --bin mcp-secure-remote --target "$host" \
       -- -C link-arg=-Wl,-z,pack-relative-relocs \
    && mkdir -p /image/usr/bin /image/etc/ssl/certs \
    && cp "target/$host/release/mcp-secure-remote" /image/usr/bin/ \
    && ln -s mcp-secure-remote /image/usr/bin/mcp-secure-remote-client \
    && cp -L /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && cp LICENSE /image/ \
    && mkdir /empty

FROM ${UV} AS uv

FROM ${NODE} AS runner
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates python3 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=uv /uv /uvx /usr/local/bin/
COPY --from=build /image/usr/bin/ /usr/bin/
COPY --from=build --chown=65532:65532 /empty /var/lib/mcp
ARG REVISION
ARG SOURCE
ARG VERSION
LABEL org.opencontainers.image.title="mcp-secure-remote runner" \
      org.opencontainers.image.description="Puts an MCP server that speaks stdio behind HTTPS with client certificates; with Node and uv" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}"
# What npm and uv keep.
ENV HOME=/var/lib/mcp
WORKDIR /var/lib/mcp
USER 65532:65532
EXPOSE 8623
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s CMD ["mcp-secure-remote", "serve", "--ready"]
ENTRYPOINT ["mcp-secure-remote", "serve", "--admin=127.0.0.1:9623"]

FROM scratch AS bridge
COPY --from=build /image/ /
# A new volume takes its owner from here, so that `certs` can write into it.
COPY --from=build --chown=65532:65532 /empty /certs
ARG REVISION
ARG SOURCE
ARG VERSION
LABEL io.modelcontextprotocol.server.name="io.github.mcp-secure-remote/mcp-secure-remote" \
      org.opencontainers.image.title="mcp-secure-remote" \
      org.opencontainers.image.description="Reach MCP servers across a network securely: a stdio bridge over mutual TLS" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}"
ENV PATH=/usr/bin
USER 65532:65532
ENTRYPOINT ["mcp-secure-remote"]
