# The NoCloud datasource: a disk labelled cidata, ISO 9660 or FAT, with meta-data and user-data
# (https://cloudinit.readthedocs.io/en/latest/reference/datasources/nocloud.html). meta-data may be YAML or JSON.

# field NAME FILE: the scalar that belongs to a key.
field() {
	sed -n "s/.*$1[\"']\{0,1\}:[[:space:]]*[\"']\{0,1\}\([^\"',}[:space:]]*\).*/\1/p" $2 | head -n 1
}

nocloud_fetch() {
	seed=$(findfs LABEL=cidata 2>/dev/null || findfs LABEL=CIDATA 2>/dev/null) || return 1
	while read -r m; do insmod /lib/hive/$m 2>/dev/null; done </lib/hive/order.seed
	mkdir -p /run/cidata
	mount -o ro -t iso9660 $seed /run/cidata 2>/dev/null || mount -o ro -t vfat $seed /run/cidata 2>/dev/null || {
		log "nocloud: cannot mount $seed"
		return 1
	}
	meta=/run/cidata/meta-data
	if [ ! -f $meta ]; then
		log "nocloud: $seed has no meta-data"
		umount /run/cidata
		return 1
	fi
	field instance-id $meta >$run/instance-id
	field local-hostname $meta >$run/hostname
	grep -oE '(ssh-[a-z0-9]+|ecdsa-[a-z0-9-]+|sk-[a-z0-9@.-]+) [A-Za-z0-9+/=]+( [^"'\'',]*)?' $meta >$run/keys
	[ -s /run/cidata/user-data ] && cp /run/cidata/user-data $run/user-data
	umount /run/cidata
	return 0
}
