# lib.sh: what hits, hang and dogpile share; sourced, not run.
#
# Owns the directory $dir (short, for unix socket paths), the processes started with `start`, and
# $bin, where the bench programs are.  Everything ends with the script.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${BENCH_BUILD:-$here/build}
FCGICACHE=${FCGICACHE:-$here/../src/fcgicache}
dir=$(mktemp -d /tmp/fcb.XXXXXX) || exit 71
declare -A pid=()

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

cleanup() {
	local p
	for p in "${pid[@]}"; do
		kill -TERM "$p" 2>/dev/null
	done
	for p in "${pid[@]}"; do
		for _ in {1..30}; do
			kill -0 "$p" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$p" 2>/dev/null
	done
	wait 2>/dev/null
	[ -n "$keep_dir" ] || rm -rf "$dir"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# build NAME...: compiles what is missing or older than its source
build() {
	local name libs
	mkdir -p "$bin" 2>/dev/null
	[ -w "$bin" ] || bin=$dir
	for name; do
		[ "$bin/$name" -nt "$here/$name.c" ] && [ "$bin/$name" -nt "$here/wire.h" ] && continue
		libs=
		[ "$name" = plain ] && libs=-lfcgi
		${CC:-cc} -std=gnu11 -O2 -Wall -Wextra -pthread -o "$bin/$name" "$here/$name.c" $libs ||
			die "$name.c does not compile"
	done
}

# need_fcgicache BINARY: or says what is wrong
need_fcgicache() {
	[ -x "$1" ] || die "no fcgicache at $1: build it first, or set FCGICACHE"
}

# start NAME COMMAND...: in the background, listening at $dir/NAME when this returns
start() {
	local name=$1
	shift
	rm -f "$dir/$name"
	"$@" >"$dir/$name.log" 2>&1 &
	pid[$name]=$!
	for _ in {1..100}; do
		[ -S "$dir/$name" ] && return
		kill -0 "${pid[$name]}" 2>/dev/null || break
		sleep 0.05
	done
	tail -20 "$dir/$name.log" >&2
	unset "pid[$name]"
	die "$name did not start: $*"
}

# stop NAME
stop() {
	kill -TERM "${pid[$1]}" 2>/dev/null
	wait "${pid[$1]}" 2>/dev/null
	unset "pid[$1]"
}

# start_fcgicache NAME BINARY RULES [APPLICATION-OPTIONS]: before $dir/app; RULES and options are JSON
start_fcgicache() {
	cat >"$dir/$1.json" <<-END
	{
	  "application": { "address": "unix:$dir/app"${4:+, $4} },
	  "store": "memory:///?max_size=256m",
	  "rules": [ $3 ]
	}
	END
	start "$1" "$2" -c "$dir/$1.json" -s "unix:$dir/$1"
}

# Clock ticks that a process has used, all its threads together, the ended ones too.
ticks() {
	local line
	read -r line <"/proc/${pid[$1]}/stat" || die "$1 has died: $(tail -5 "$dir/$1.log")"
	set -- ${line##*) }
	echo $((${12} + ${13}))
}

# value KEY LINE: of load's key=value line
value() {
	local v=" $2"
	v=${v#* "$1"=}
	echo "${v%% *}"
}

# show_page SOCKET URI [-p]: the body, with -p also the head
show_page() {
	"$bin/load" -p ${3:-} -u "$2" -m 20 "$dir/$1"
}

# How the application is doing: counted pages|slow|hang
counted() {
	value "$1" "$(show_page app /count)"
}

# must_hit NAME URI: asks until it comes out of the cache
must_hit() {
	for _ in {1..20}; do
		show_page "$1" "$2" -p 2>/dev/null | tr -d '\r' | sed '/^$/q' >"$dir/head"
		grep -qi '^cache-status:.*fcgicache *; *hit' "$dir/head" && return
		sleep 0.05
	done
	cat "$dir/head" >&2
	die "$1: $2 does not become a hit"
}

# median of the numbers on stdin
median() {
	sort -n | awk '{ v[NR] = $1 } END {
		if (NR) print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

machine() {
	echo "$(nproc) CPUs, Linux $(uname -r), load $(cut -d' ' -f1 /proc/loadavg) before it began"
}
