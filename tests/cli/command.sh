# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154
#
# CMD is found and run, and gets what the command got.
# Sourced by run, where the harness is. SC2016: single quotes are for the shell that is started;
# SC2154: $out, $err, $status and the paths come from run.

test_exec()
{
	sf true
	expect 'status 0 of CMD is ours' 0 ''
	sf sh -c 'exit 3'
	expect 'status 3 of CMD is ours' 3 ''
	sf sh -c 'exit 255'
	expect 'status 255 of CMD is ours' 255 ''
	sf sh -c 'kill -TERM $$'
	expect 'a CMD killed by SIGTERM is 143 for the shell' 143 ''
	sf sh -c 'kill -KILL $$'
	expect 'a CMD killed by SIGKILL is 137 for the shell' 137 ''
	sf -- printf '%s.' -a --observe -- --help 'x y' ''
	expect 'what follows CMD belongs to CMD' 0 '-a.--observe.--.--help.x y..'
	sf printf '%s.' --off -h
	expect 'and without -- too' 0 '--off.-h.'
	POSIXLY_CORRECT='' sf --observe printf '%s.' --off
	expect 'with POSIXLY_CORRECT as without' 0 '--off.'
	sf cat /proc/self/cmdline
	expect 'CMD gets its name as it was typed' 0 'cat|/proc/self/cmdline|'
	capture sh -c 'echo $$; exec "$@"' - "$sendfin" run --library "$lib" sh -c 'echo $$'
	same 'CMD has the process id that the command had' "$(sed -n 1p <<<"$out")" \
		"$(sed -n 2p <<<"$out")"
}

# both SENTENCE COMMAND...: prints the same with and without the command in front.
both()
{
	local sentence=$1 bare

	shift
	bare=$("$@" 2>&1)
	same "$sentence" "$("$sendfin" run --library "$lib" "$@" 2>&1)" "$bare"
}

test_untouched()
{
	both 'no descriptor is leaked into CMD' sh -c 'ls /proc/self/fd'
	exec 7<"$lib" 9>/dev/null
	both 'descriptors of the caller reach CMD' \
		sh -c 'ls -l /proc/self/fd | sed -n "s/.* \([79] ->\)/\1/p"'
	exec 7<&- 9>&-
	same 'closed standard descriptors stay closed' \
		"$(sh -c '"$@" <&- 2>&-' - "$sendfin" run --library "$lib" ls /proc/self/fd)" \
		"$(sh -c '"$@" <&- 2>&-' - ls /proc/self/fd)"
	trap '' USR1 PIPE
	both 'ignored and blocked signals stay as they are' grep -E '^Sig[^Q]|^Shd' /proc/self/status
	trap - USR1 PIPE
	both 'the directory and the limits stay' sh -c 'pwd; umask; ulimit -a'
	same 'of the environment only LD_PRELOAD is added' \
		"$(env -i A=1 B='x y' C= "$sendfin" run --library "$lib" /usr/bin/env | sort)" \
		"$(env -i A=1 B='x y' C= LD_PRELOAD="$lib" /usr/bin/env | sort)"
	same 'standard input reaches CMD' "$("$sendfin" run --library "$lib" cat <<<hello)" hello
}

test_find()
{
	local long name

	sf "$tmp/nope"
	refused 'a path that is not there is 127' 127 "$tmp/nope: no such file"
	sf no-such-program-anywhere
	refused 'a name that is not in PATH is 127' 127 '*: no such program in PATH'
	sf ''
	refused 'an empty CMD is 127' 127 "'': *"
	sf "$tmp"
	refused 'a directory is 126' 126 "$tmp: is a directory"
	sf "$tmp/prog.c"
	refused 'a file without the x bit is 126, with a remedy' 126 '*not executable; chmod +x*'
	sf "$tmp/prog/x"
	refused 'a path through a file is 126' 126 '*Not a directory'
	ln -s loop "$tmp/loop"
	sf "$tmp/loop"
	refused 'a loop of links is 126' 126 '*symbolic links'
	mkfifo -m 755 "$tmp/fifo"
	capture timeout 60 "$sendfin" run --library "$lib" "$tmp/fifo"
	refused 'a FIFO is 126 and not waited for' 126 '*not executable*'
	printf -v long '%5000s' x
	sf "./${long// /y}"
	refused 'a path that is too long is 126' 126 '*too long'
	sf $'a\nb\e[31mc'
	refused 'control characters in a name do not reach the terminal' 127 'a?b??31mc: *'
	printf -v name '%s' 'gone%s%n'
	sf "$name"
	refused 'a name is not a format' 127 'gone%s%n: *'

	mkdir -p "$tmp/p1/tool" "$tmp/p2" "$tmp/p3"
	echo 'not executable' >"$tmp/p2/tool"
	PATH=$tmp/p1:$tmp/p2:$PATH sf tool
	refused 'a file in PATH without the x bit is 126' 126 'tool: not executable*'
	script "$tmp/p3/tool" '#!/bin/sh' 'echo "$0"'
	PATH=$tmp/p1:$tmp/p2:$tmp/p3:$PATH sf tool
	expect 'PATH is searched behind what cannot be run' 0 "$tmp/p3/tool"
	capture env -C "$tmp/p3" PATH=":$PATH" "$sendfin" run --library "$lib" tool
	expect 'an empty element of PATH is the current directory' 0 ./tool
	capture env -C "$tmp/p3" PATH="$tmp/p1:" "$sendfin" run --library "$lib" tool
	expect 'also at the end of PATH' 0 ./tool
	capture env -C "$tmp/p3" "$sendfin" run --library "$lib" ./tool
	expect 'a relative path is taken as it is' 0 ./tool
	capture env -u PATH "$sendfin" run --library "$lib" sh -c 'echo ok'
	expect 'without PATH the usual places are searched' 0 ok
}
