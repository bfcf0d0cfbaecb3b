# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154
#
# CMD can, or cannot, be preloaded: what it is, who interprets it, whose rights it gets. Also by
# force: then the program runs, and the marker tells the fact.
# Sourced by run, where the harness is. SC2016: single quotes are for the shell that is started;
# SC2154: $out, $err, $status and the paths come from run.

# cannot SENTENCE PROGRAM PATTERN [FORCED-STATUS FORCED-STDOUT]; as another user with $as.
as=()
cannot()
{
	capture "${as[@]}" "$sendfin" run --library "$marker" "$2" x
	refused "$1 is refused" 126 "$2: $3"
	[ $# -gt 3 ] || return
	capture "${as[@]}" "$sendfin" run --library "$marker" --force "$2" x
	expect "$1 runs by force, with a warning and without the shim" "$4" "$5" \
		"sendfin: $2: warning: $3"
}

# can SENTENCE PROGRAM [STDERR-PATTERN]
can()
{
	capture "${as[@]}" "$sendfin" run --library "$marker" "$2" x
	expect "$1 runs under the shim" 0 '2 x' "${3-}loaded"
}

test_static()
{
	if cc -static -o "$tmp/static" "$tmp/prog.c" 2>/dev/null; then
		cannot 'a static program' "$tmp/static" 'is statically*; link it*--force*' 0 '2 x'
		cc -static -o "$tmp/static-go" "$tmp/prog.c" "$tmp/go.c"
		cannot 'a static Go program' "$tmp/static-go" 'is a static Go*source*' 0 '2 x'
		script "$tmp/by-static" "#!$tmp/static"
		capture "$sendfin" run --library "$lib" "$tmp/by-static"
		refused 'a script of a static interpreter is refused, and that is named' 126 \
			"$tmp/static: is static*"
	else
		skip 'static programs are refused' 'no static libc'
	fi
	if cc -static-pie -o "$tmp/static-pie" "$tmp/prog.c" 2>/dev/null; then
		cannot 'a static PIE' "$tmp/static-pie" 'is statically linked*' 0 '2 x'
	else
		skip 'a static PIE is refused' 'no static libc'
	fi
	can 'a dynamic Go program' "$tmp/go" "sendfin: $tmp/go: warning: is a Go program*"
	can 'a dynamic program' "$tmp/prog"
	if cc -no-pie -o "$tmp/no-pie" "$tmp/prog.c" 2>/dev/null; then
		can 'a program that is no PIE' "$tmp/no-pie"
	else
		skip 'a program that is no PIE runs under the shim' 'the compiler cannot'
	fi
	strip -o "$tmp/stripped" "$tmp/prog"
	can 'a stripped program' "$tmp/stripped"
	if command -v musl-gcc >/dev/null && musl-gcc -o "$tmp/musl" "$tmp/prog.c" 2>/dev/null; then
		can 'a musl program' "$tmp/musl"
	else
		skip 'a musl program runs under the shim' 'no musl-gcc'
	fi
}

test_foreign()
{
	local f=$tmp/foreign

	cp "$tmp/prog" "$f"
	patch "$f" 18 363 000
	cannot 'a program for riscv64' "$f" \
		'is for riscv64, but the library is for *--library*--force*'
	capture "$sendfin" run --library "$lib" --force "$f"
	expect 'by force the kernel decides' 126 '' "*warning: is for riscv64*$f: Exec format error"
	patch "$f" 18 352 377
	cannot 'a program for a machine without a name' "$f" 'is for 64-bit machine 65514, but*'
	cp "$tmp/prog" "$f"
	patch "$f" 4 001
	patch "$f" 18 003 000
	patch "$f" 28 064 000 000 000
	patch "$f" 44 001 000
	cannot 'a program for i386' "$f" 'is for i386, but the library is for *'
	cp "$tmp/prog" "$f"
	patch "$f" 5 002
	patch "$f" 16 000 003 000 026
	cannot 'a program of the other byte order' "$f" 'is for s390x, but *'
	cp "$lib" "$tmp/foreign.so"
	patch "$tmp/foreign.so" 18 363 000
	capture "$sendfin" run --library "$tmp/foreign.so" "$tmp/prog"
	refused 'a library for another machine is noticed' 126 '*but the library is for riscv64;*'
}

test_damaged()
{
	local f=$tmp/damaged

	cp "$tmp/prog" "$f"
	truncate -s 20 "$f"
	cannot 'an ELF file that is cut off in its header' "$f" 'is an ELF file, but cut off*'
	cp "$tmp/prog" "$f"
	truncate -s 100 "$f"
	cannot 'an ELF file that is cut off in its table' "$f" 'is an ELF file, but cut off*'
	capture "$sendfin" run --library "$lib" --force "$f"
	[ "$status" -ge 126 ] && status=failed
	expect 'by force it is not given to a shell' failed '' '*warning*'
	cc -c -o "$tmp/object" "$tmp/prog.c" && chmod 755 "$tmp/object"
	cannot 'an object file' "$tmp/object" 'is an ELF file, but * not a program'
	cp "$tmp/prog" "$f"
	patch "$f" 32 377 377 377 377 377 377 377 177
	cannot 'a table of segments at the end of the world' "$f" 'is an ELF file, but*'
	cp "$tmp/prog" "$f"
	patch "$f" 56 000 000
	cannot 'an ELF file without segments' "$f" 'is an ELF file, but*'
	printf 'MZ\0\0' >"$f"
	cannot 'a file of another system' "$f" 'is neither an ELF program nor a script;*'
	LC_ALL=C sed "s|/ld-linux|/no-linux|;s|/ld-musl|/no-musl|" "$tmp/prog" >"$f"
	cannot 'a program whose loader is missing' "$f" 'needs /*/no-* which is not there*'
	status=0
	for ((i = 0; i < 48; i += 2)); do
		cp "$tmp/prog" "$f"
		patch "$f" $((16 + i)) 377 377 377
		timeout 10 "$sendfin" run --library "$lib" --dry-run "$f" \
			>"$tmp/out" 2>"$tmp/err" ||
			case $? in 0 | 126) ;; *) status=$i ;; esac
	done
	# shellcheck disable=SC2034 # expect reads it
	out='' err=''
	expect 'whatever is in the ELF header, the command does not crash' 0 ''
}

# chain N: scripts c1 .. cN, each interpreted by the one before, c1 by the program.
chain()
{
	local n

	script "$tmp/c1" "#!$tmp/prog"
	for ((n = 2; n <= $1; n++)); do
		script "$tmp/c$n" "#!$tmp/c$((n - 1))"
	done
}

test_scripts()
{
	script "$tmp/s" '#!/bin/sh' 'echo "script $1"'
	capture "$sendfin" run --library "$marker" "$tmp/s" x
	expect 'a script runs under the shim' 0 'script x' loaded
	script "$tmp/s" '#!   /bin/sh  -e' 'echo "blanks $-" | grep -o "blanks e"'
	sf "$tmp/s"
	expect 'blanks and an argument in the first line are understood' 0 'blanks e'
	printf '#!/bin/sh' >"$tmp/s"
	sf "$tmp/s"
	expect 'a first line without an end is understood' 0 ''
	script "$tmp/s" 'echo "no first line $1"'
	sf "$tmp/s" x
	expect 'a text without #! is given to the shell, as a shell would' 0 'no first line x'
	: >"$tmp/s"
	sf "$tmp/s"
	expect 'so is an empty file' 0 ''
	script "$tmp/s" '#!/no/such/interpreter'
	sf "$tmp/s"
	refused 'a missing interpreter is named' 126 "$tmp/s: needs /no/such/interpreter,*"
	script "$tmp/s" "#!$tmp/prog.c"
	sf "$tmp/s"
	refused 'an interpreter that is not executable is named' 126 "*needs $tmp/prog.c,*"
	script "$tmp/s" '#!'
	sf "$tmp/s"
	refused 'an empty #! is no script' 126 '*is neither*'
	script "$tmp/s" '#!/usr/bin/env sh' 'echo env'
	sf "$tmp/s"
	expect 'a script of env runs' 0 env
	for n in 5 6; do
		chain $n
		capture "$tmp/c$n"
		bare="$([ "$status" = 0 ])$? $out"
		sf "$tmp/c$n"
		same "scripts of scripts, $n deep, end as they do bare" \
			"$([ "$status" = 0 ])$? $out" "$bare"
	done
	script "$tmp/ring" "#!$tmp/ring"
	sf "$tmp/ring"
	refused 'a script that interprets itself is refused' 126 '*too many interpreters*'
}

copy_with()
{
	cp "$tmp/prog" "$tmp/$1"
	chown "$2" "$tmp/$1"
	chmod "$3" "$tmp/$1"
}

test_rights()
{
	local nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)

	if [ "$(id -u)" != 0 ] || ! "${nobody[@]}" "$sendfin" --version >"$tmp/out" 2>&1 ||
		! [[ ",$(findmnt -no OPTIONS -T "$tmp")," != *,nosuid,* ]]; then
		skip 'set-user-ID programs are refused' \
			'takes root, setpriv, and a place where the bit counts'
		return
	fi
	copy_with suid-root 0:0 4755
	copy_with suid-nobody 65534:65534 4755
	copy_with sgid-root 0:0 2755
	copy_with sgid-no-x 0:0 2705
	copy_with secret 0:0 711
	copy_with capable 0:0 755

	can 'a set-user-ID program of oneself' "$tmp/suid-root"
	can 'a set-group-ID program of oneself' "$tmp/sgid-root"
	cannot 'a set-user-ID program, for root' "$tmp/suid-nobody" 'is set-user-ID*owner*' 0 '2 x'
	as=("${nobody[@]}")
	cannot 'a set-user-ID program' "$tmp/suid-root" 'is set-user-ID*chmod u-s*--force*' 0 '2 x'
	can 'a set-user-ID program of oneself, for nobody' "$tmp/suid-nobody"
	cannot 'a set-group-ID program' "$tmp/sgid-root" \
		'is set-group-ID*chmod g-s*--force*' 0 '2 x'
	can 'a set-group-ID bit without the x bit' "$tmp/sgid-no-x"
	can 'an unreadable program' "$tmp/secret" "sendfin: $tmp/secret: warning: cannot be read*"
	script "$tmp/by-suid" "#!$tmp/suid-root"
	capture "${as[@]}" "$sendfin" run --library "$lib" "$tmp/by-suid"
	refused 'a script of a set-user-ID interpreter is refused' 126 \
		"$tmp/suid-root: is set-user-ID*"
	script "$tmp/suid-script" '#!/bin/sh' 'echo 2 x'
	chmod 4755 "$tmp/suid-script"
	can 'a set-user-ID script, whose bit does not count' "$tmp/suid-script"
	as+=(--no-new-privs)
	can 'a set-user-ID program that may not gain rights' "$tmp/suid-root"

	as=(setpriv --ruid 65534)
	cannot 'a program with a real user that is not the effective one' "$tmp/prog" \
		'would not run as the real user*' 0 '2 x'
	if setcap cap_net_bind_service+ep "$tmp/capable" 2>/dev/null; then
		as=("${nobody[@]}")
		cannot 'a program with file capabilities' "$tmp/capable" \
			'has file capabilities*' 0 '2 x'
		as=()
		can 'a program with file capabilities, for root' "$tmp/capable"
	else
		skip 'a program with file capabilities is refused' 'no setcap'
	fi
	as=()
}
