# dhcp: takes a lease on eth0 and leaves the client running to renew it.
dhcp() {
	[ -e /sys/class/net/eth0 ] || {
		log "no network interface"
		return 1
	}
	ip link set eth0 up
	udhcpc -b -t 20 -T 1 -A 1 -i eth0 -s /etc/hive/udhcpc -p /run/udhcpc.pid -V hive-micro \
		-O mtu -O staticroutes >/run/udhcpc.log 2>&1
	log "dhcp: $(address)"
}

# address: the IPv4 address of eth0.
address() {
	ip -4 -o addr show eth0 2>/dev/null | awk '{ sub("/.*", "", $4); print $4; exit }'
}
