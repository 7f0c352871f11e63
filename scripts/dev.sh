#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A region of NODES nodes (1) below .dev with one guest. Idempotent: what runs is used again, an agent of an older
# binary is replaced while its guests go on, and a larger NODES adds nodes. DETACH=1 returns when the guest answers SSH; without it the script follows the
# agent's log until Ctrl-C and then removes everything.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/dev-lib.sh

nodes=${NODES:-1}
case $nodes in
[1-9]) ;;
*)
	echo "dev: NODES=$nodes: want 1 to 9" >&2
	exit 2
	;;
esac
node=$dev/node1
mkdir -p "$node" .cache

# free_port FIRST: the first port from FIRST on that nothing on loopback answers at.
free_port() {
	local port=$1
	while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 10)); done
	echo "$port"
}

# free_pool: the first pool of public addresses whose first SSH port nothing answers at, so that two trees on one
# machine do not wait for each other's ports.
free_pool() {
	local octet=80
	while (exec 3<>"/dev/tcp/127.$octet.0.1/22") 2>/dev/null && [ $octet -lt 120 ]; do octet=$((octet + 1)); done
	echo "127.$octet.0.0/16"
}

# install_hive NODE_DIR: the node runs a copy of the binary: its processes start each other by that path, and a build
# must not pull it away under them.
install_hive() {
	cmp -s bin/hive "$1/hive" && return
	stop_agent "$1"
	install -m 0755 bin/hive "$1/hive.new"
	mv -f "$1/hive.new" "$1/hive"
}

# make_node NODE_DIR COMMAND...: initialises a node by a command, on ports that are free now.
make_node() {
	local dir=$1
	shift
	HIVE_LISTEN_GOSSIP=127.0.0.1:$(free_port 8444) HIVE_LISTEN_METRICS=127.0.0.1:$(free_port 9464) \
		"$dir/hive" admin "$@" --data-dir "$dir" --az us-east-1a --node "$(basename "$dir")" \
		--api "127.0.0.1:$(free_port 9443)" --cluster "127.0.0.1:$(free_port 8443)"
}

stop_following() {
	trap - INT TERM EXIT
	echo
	echo "dev: stopping"
	./scripts/dev-stop.sh
}
failing=$node
failed() {
	local status=$?
	[ $status -ne 0 ] || return 0
	echo "dev: the last lines of $failing/agent.log:" >&2
	tail -n 15 "$failing/agent.log" >&2 || true
	echo "dev: make dev-stop removes everything; make dev tries again" >&2
}
trap failed EXIT
[ "${DETACH:-0}" = 1 ] || trap 'stop_following; exit 130' INT TERM

# up NODE_DIR: starts the node's agent unless it runs, and waits until it is ready.
up() {
	alive "$1" || start_agent "$1"
	ready "$1" 120 && return
	failing=$1
	echo "dev: the agent of $1 did not start" >&2
	exit 1
}

install_hive "$node"
hive=$node/hive
if [ ! -e "$node/node.json" ]; then
	HIVE_NETWORK_PUBLIC_POOL=$(free_pool) make_node "$node" init --region us-east-1 --nodes "$nodes"
fi
# Nodes that were members before start beside the first: without a majority no node gets ready.
for i in $(seq 2 "$nodes"); do
	mkdir -p "$dev/node$i"
	install_hive "$dev/node$i"
	[ ! -e "$dev/node$i/node.json" ] || alive "$dev/node$i" || start_agent "$dev/node$i"
done
up "$node"
for i in $(seq 2 "$nodes"); do
	if [ ! -e "$dev/node$i/node.json" ]; then
		token=$("$hive" admin token create --data-dir "$node" --quiet -o 'template={{.token}}')
		make_node "$dev/node$i" join "$token"
	fi
	up "$dev/node$i"
done

"$hive" quickstart --data-dir "$node" --dir "$dev" --cache .cache --env-file "$dev/env" --timeout "${DEV_TIMEOUT:-15m}" --quiet >"$dev/summary" \
	|| exit $?
for i in $(seq 1 "$nodes"); do
	"$dev/node$i/hive" env --data-dir "$dev/node$i" --quiet | sed -n "s/^export AWS_ENDPOINT_URL=/export AWS_ENDPOINT_URL_$i=/p" >>"$dev/env"
done
. "$dev/env"

echo "--- boot log of $HIVE_INSTANCE"
# Firmware draws on the serial line; what it draws is no text.
"$hive" instance console "$HIVE_INSTANCE" --data-dir "$node" | sed -E 's/\x1b\[[0-9;=]*[A-Za-z]//g; s/\r//g' | grep -v '^ *$' | tail -n 25
echo "--- the AWS CLI's environment (. .dev/env)"
grep '^export AWS_' "$dev/env"
echo "--- log in"
echo "$HIVE_SSH"

if [ "${DETACH:-0}" = 1 ]; then
	exit 0
fi
echo "--- $node/agent.log (Ctrl-C removes everything; DETACH=1 leaves it running)"
tail -n 0 -F "$node/agent.log" &
follower=$!
trap 'kill $follower 2>/dev/null; stop_following; exit 0' INT TERM
while alive "$node"; do sleep 1; done
kill $follower 2>/dev/null || true
echo "dev: the agent ended by itself" >&2
exit 1
