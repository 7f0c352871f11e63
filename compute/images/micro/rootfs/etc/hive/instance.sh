# What is done once for an instance: a machine image taken of this guest must not carry its host key or its mark along.
hostkey=/etc/dropbear/ed25519

new_hostkey() {
	rm -f /etc/dropbear/*
	dropbearkey -t ed25519 -f $hostkey.new >/dev/null 2>&1 && sync && mv $hostkey.new $hostkey
}

set_hostname() {
	name=
	[ -s $run/hostname ] && read -r name <$run/hostname
	[ -n "$name" ] && echo "${name%%.*}" >/etc/hostname
	hostname -F /etc/hostname
}

# install_keys HOME OWNER: adds the keys that are not there yet.
install_keys() {
	mkdir -p $1/.ssh
	touch $1/.ssh/authorized_keys
	while read -r line; do
		grep -qxF "$line" $1/.ssh/authorized_keys || echo "$line" >>$1/.ssh/authorized_keys
	done <$run/keys
	chmod 700 $1/.ssh
	chmod 600 $1/.ssh/authorized_keys
	chown -R $2 $1
}

new_instance() {
	# A mark of another instance means that this disk was copied from it.
	[ -s $lib/instance-id ] && new_hostkey
	if [ -s $run/keys ]; then
		install_keys /root 0:0
		install_keys /home/ec2-user 1000:1000
	fi
	echo "$id" >$lib/instance-id
	sync
	dropbearkey -y -f $hostkey 2>/dev/null | grep -E '^(ssh-|Fingerprint)' | while read -r line; do log "host key: $line"; done
}
