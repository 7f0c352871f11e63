# grow_root: lets the root partition, which is the last one, and its file system fill the disk. Done online; a run that was cut
# short is finished by the next boot, because the mark is written last.
grow_root() {
	dev=$(awk '$2 == "/" && $3 == "ext4" { print $1; exit }' /proc/mounts)
	part=${dev##*/}
	dir=$(readlink -f /sys/class/block/$part)
	disk=${dir%/*}
	disk=${disk##*/}
	read -r number <$dir/partition
	read -r start <$dir/start
	read -r before <$dir/size
	read -r total <$dir/../size
	mark=
	[ -s $lib/grown ] && read -r mark <$lib/grown
	# 512-byte sectors; the backup partition table takes the last 33, and less than 1 MiB is not worth it.
	if [ $((total - start - before)) -gt $((2048 + 33)) ]; then
		echo ", +" | sfdisk -q -f --no-reread --no-tell-kernel -N $number /dev/$disk >$run/grow.log 2>&1 &&
			partx --update --nr $number /dev/$disk >>$run/grow.log 2>&1 || {
			log "root: cannot grow partition $number of $disk: $(tail -n 1 $run/grow.log)"
			return 1
		}
	fi
	read -r after <$dir/size
	[ "$mark" = "$after" ] && return 0
	if resize2fs $dev >>$run/grow.log 2>&1; then
		echo $after >$lib/grown
		sync
		log "root: $dev grew from $((before / 2048)) to $((after / 2048)) MiB"
	else
		log "root: cannot grow the file system on $dev: $(tail -n 1 $run/grow.log)"
	fi
}
