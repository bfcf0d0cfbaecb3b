# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154
#
# LD_PRELOAD, and where the library that goes into it is found.
# Sourced by run, where the harness is. SC2016: single quotes are for the shell that is started;
# SC2154: $out, $err, $status and the paths come from run.

# preload SENTENCE EXISTING WANTED
preload()
{
	LD_PRELOAD=$2 sf printenv LD_PRELOAD
	expect "$1" 0 "$3"
}

test_preload()
{
	local a=$tmp/liba.so b=$tmp/libb.so san=$tmp/libasan.so.9 runtime

	preload 'an empty LD_PRELOAD becomes the library' '' "$lib"
	preload 'what is in LD_PRELOAD stays, behind the library' "$a" "$lib:$a"
	preload 'two in LD_PRELOAD stay in their order' "$b:$a" "$lib:$b:$a"
	preload 'blanks in LD_PRELOAD become colons' " $b  $a " "$lib:$b:$a"
	preload 'blanks and colons may be mixed' "$b :$a:" "$lib:$b:$a"
	preload 'the library is not added twice' "$lib" "$lib"
	preload 'the library moves to the front' "$a:$lib:$b" "$lib:$a:$b"
	preload 'several copies of the library become one' "$lib:$a $lib" "$lib:$a"
	LD_PRELOAD=$marker:$a sf printenv LD_PRELOAD
	expect 'the shim of another directory is replaced' 0 "$lib:$a" loaded
	preload 'a sanitizer stays in front' "$a:$san" "$san:$lib:$a"
	capture "$sendfin" run --library "$lib" "$sendfin" run --library "$lib" printenv LD_PRELOAD
	expect 'run within run adds nothing' 0 "$lib"
	capture "$sendfin" run --library "$marker" "$tmp/prog" x
	expect 'the library is loaded into CMD' 0 '2 x' loaded

	runtime=$(cc -print-file-name=libasan.so)
	if [ -e "$runtime" ] && cc -fsanitize=address -o "$tmp/asan" "$tmp/prog.c" 2>/dev/null; then
		ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD=$runtime sf "$tmp/asan" x
		expect 'a program with the address sanitizer runs' 0 '2 x'
	else
		skip 'a program with the address sanitizer runs' 'no libasan'
	fi
}

test_library()
{
	local inst=$tmp/inst

	capture "$sendfin" run --library "$tmp/nope.so" true
	refused 'a library that is missing is named' 126 "$tmp/nope.so: No such file*--library*"
	capture "$sendfin" run --library "$tmp" true
	refused 'a directory is no library' 126 "$tmp: Is a directory*"
	capture "$sendfin" run --library "$tmp/prog.c" true
	refused 'a text is no library' 126 "*prog.c: not a shared library*"
	capture "$sendfin" run --library '' true
	refused 'an empty path is no library' 126 '*'
	mkdir "$tmp/a dir" "$tmp/a:dir"
	cp "$lib" "$tmp/a dir/lib.so"
	cp "$lib" "$tmp/a:dir/lib.so"
	capture "$sendfin" run --library "$tmp/a dir/lib.so" true
	refused 'a blank in the path is refused, with a remedy' 126 '*blank*link*--library'
	capture "$sendfin" run --library "$tmp/a:dir/lib.so" true
	refused 'a colon in the path is refused' 126 '*colon*link*'
	ln -s "$tmp/a dir/lib.so" "$tmp/link.so"
	capture "$sendfin" run --library "$tmp/link.so" printenv LD_PRELOAD
	expect 'a link without a blank is taken as it is' 0 "$tmp/link.so"
	capture env -C "$tmp" "$sendfin" run --library libsendfin.so printenv LD_PRELOAD
	expect 'a relative path becomes absolute' 0 "$lib"

	mkdir -p "$inst/bin" "$inst/lib/sendfin"
	cp "$sendfin" "$inst/bin/sendfin"
	cp "$lib" "$inst/lib/sendfin/libsendfin.so"
	capture "$inst/bin/sendfin" run printenv LD_PRELOAD
	expect 'the library is found in ../lib/sendfin' 0 "$inst/lib/sendfin/libsendfin.so"
	mv "$inst/lib/sendfin/libsendfin.so" "$inst/lib"
	capture "$inst/bin/sendfin" run printenv LD_PRELOAD
	expect 'the library is found in ../lib' 0 "$inst/lib/libsendfin.so"
	cp "$lib" "$inst/bin"
	capture "$inst/bin/sendfin" run printenv LD_PRELOAD
	expect 'the library beside the command comes first' 0 "$inst/bin/libsendfin.so"
	capture env -C / PATH="$inst/bin:$PATH" sendfin run printenv LD_PRELOAD
	expect 'the command finds it when it comes from PATH' 0 "$inst/bin/libsendfin.so"
	ln -s "$inst/bin/sendfin" "$tmp/sf"
	capture "$tmp/sf" run printenv LD_PRELOAD
	expect 'the command finds it when it is called by a link' 0 "$inst/bin/libsendfin.so"
	rm "$inst/bin/libsendfin.so" "$inst/lib/libsendfin.so"
	capture "$inst/bin/sendfin" run printenv LD_PRELOAD
	if [ "$status" = 0 ]; then
		skip 'a library that is nowhere is asked for' "installed: $out"
	else
		refused 'a library that is nowhere is asked for' 126 \
			'libsendfin.so: neither*--library*'
	fi
}

test_together()
{
	if [ ! -e "$build/libsendfin.so" ]; then
		skip 'the library of the build is found and loaded' 'not built'
		return
	fi
	capture "$sendfin" run sh -c 'grep -q "libsendfin[.]so" /proc/$$/maps && echo loaded'
	expect 'the library of the build is found and loaded' 0 loaded
	capture "$sendfin" run --off sh -c 'echo quiet; exit 7'
	expect 'with --off it is silent' 7 quiet
}
