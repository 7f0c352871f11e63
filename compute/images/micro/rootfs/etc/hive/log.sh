# log TEXT: one line on the console, with the uptime as the kernel's lines have it.
log() {
	read -r _up _ </proc/uptime
	echo "[$_up] hive-micro: $*" >/dev/console
}
