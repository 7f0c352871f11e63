# User data: a script that starts with #!, plain or gzipped, run once for an instance. Anything else is named on the console.

# kind FILE: script, gzip, empty, or the first line of what this image cannot run.
kind() {
	[ -s $1 ] || {
		echo empty
		return
	}
	case $(head -c 2 $1 | od -An -tx1 | tr -d ' \n') in
	2321) echo script ;;
	1f8b) echo gzip ;;
	*) head -c 40 $1 | head -n 1 | tr -cd ' -~' ;;
	esac
}

run_userdata() {
	data=$run/user-data
	k=$(kind $data)
	if [ "$k" = gzip ]; then
		zcat <$data >$data.plain 2>/dev/null && mv $data.plain $data
		k=$(kind $data)
	fi
	case $k in
	empty) return ;;
	script) ;;
	*)
		log "user-data: \"$k\" is not supported by the micro image, only scripts that start with #!"
		return
		;;
	esac
	# The mark is written before the run, so that a script that reboots or crashes the guest does not run again.
	[ "$(cat $lib/user-data-ran 2>/dev/null)" = "$id" ] && return
	echo "$id" >$lib/user-data-ran
	cp $data $lib/user-data
	chmod 700 $lib/user-data
	sync
	(
		set -o pipefail
		setsid $lib/user-data 2>&1 </dev/null | tee -a /var/log/user-data.log >/dev/console
		log "user-data: exit status $?"
	) &
}
