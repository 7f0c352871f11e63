# SPDX-License-Identifier: Apache-2.0
# Sourced by dev.sh and dev-stop.sh, from the root of the tree.

dev=$PWD/.dev

# alive NODE_DIR: the agent of that directory runs. The pid file alone proves nothing: numbers are used again.
alive() {
	local pid
	pid=$(cat "$1/agent.pid" 2>/dev/null) || return 1
	[ -n "$pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$1"
}

# processes NODE_DIR: pids of the node's processes, found by the directory in their command lines.
processes() {
	local dir pid
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/}
		[ "$pid" != $$ ] && [ "$pid" != "${BASHPID:-}" ] || continue
		case "$(readlink "$dir/exe" 2>/dev/null)" in
		*/hive | */hive\ * | *qemu-system* | */swtpm*) ;;
		*) continue ;;
		esac
		if tr '\0' ' ' 2>/dev/null <"$dir/cmdline" | grep -qF -- "$1/"; then
			echo "$pid"
		fi
	done
}

# gone SECONDS COMMAND...: waits until the command fails.
gone() {
	local until=$((SECONDS + $1))
	shift
	while "$@"; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.2
	done
}

has_processes() { [ -n "$(processes "$1")" ]; }

# start_agent NODE_DIR: starts the agent detached, and leaves its pid and log in the directory.
start_agent() {
	setsid "$1/hive" agent --data-dir "$1" >>"$1/agent.log" 2>&1 </dev/null &
	echo $! >"$1/agent.pid"
	disown
}

# ready NODE_DIR SECONDS: waits until the node is ready; fails when its agent ends or the time is over.
ready() {
	local until=$((SECONDS + $2))
	until "$1/hive" admin status --data-dir "$1" --timeout 5s >/dev/null 2>&1; do
		alive "$1" && [ $SECONDS -lt $until ] || return 1
		sleep 0.3
	done
}

# stop_agent NODE_DIR [--drain]: ends the agent; without --drain its guests stay up.
stop_agent() {
	local node=$1
	shift
	alive "$node" || return 0
	"$node/hive" admin shutdown --data-dir "$node" --quiet "$@" || kill -TERM "$(cat "$node/agent.pid")" 2>/dev/null || true
	gone 120 alive "$node" || kill -KILL "$(cat "$node/agent.pid")" 2>/dev/null || true
}

# stop_node NODE_DIR: ends everything of a node, gracefully first.
stop_node() {
	local node=$1 pid
	# An agent that was killed left its guests up. Only an agent ends them in order: it adopts them first.
	if ! alive "$node" && has_processes "$node"; then
		start_agent "$node"
		ready "$node" 60 || true
	fi
	stop_agent "$node" --drain
	# What is left now is out of order.
	for pid in $(processes "$node"); do kill -TERM "$pid" 2>/dev/null || true; done
	if ! gone 20 has_processes "$node"; then
		for pid in $(processes "$node"); do kill -KILL "$pid" 2>/dev/null || true; done
		gone 20 has_processes "$node" || true
	fi
}
