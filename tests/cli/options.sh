# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2016,SC2154
#
# The options and the variables they set, help, and what the manual says about both.
# Sourced by run, where the harness is. SC2016: single quotes are for the shell that is started;
# SC2154: $out, $err, $status and the paths come from run.

# sets VARIABLE=VALUE OPTION...; with $says, a pattern of what it says.
sets()
{
	local want=$1

	shift
	sf "$@" printenv "${want%%=*}"
	expect "$* sets $want" 0 "${want#*=}" "${says-}"
}

test_options()
{
	local name

	sets SENDFIN_MODE=enforce --enforce
	sets SENDFIN_MODE=observe --observe
	sets SENDFIN_MODE=off --off
	sets SENDFIN_POLICY=proof --policy=proof
	sets SENDFIN_POLICY=strict --policy=strict
	sets SENDFIN_POLICY=eager --policy eager
	sets SENDFIN_POLICY=strict --strict
	sets SENDFIN_POLICY=eager --eager
	sets SENDFIN_TRIGGER=eof --trigger=eof
	sets SENDFIN_TRIGGER=close --trigger=close
	sets SENDFIN_RECLAIM=off --no-reclaim
	sets SENDFIN_CLOEXEC=on --cloexec
	sets SENDFIN_PROBE=0 --probe=0
	sets SENDFIN_PROBE=32767 --probe 32767
	says='*nothing was seen' sets SENDFIN_DEBUG=1 --debug
	says='*nothing was seen' sets SENDFIN_DEBUG=1 --fail-on-leak
	says='*nothing was seen' sets SENDFIN_DEBUG=1 --fail-on-leak=7
	says='*nothing was seen' sets SENDFIN_LOG=none --debug --log=/var/log/x
	sets SENDFIN_LOG=/var/log/x --log=/var/log/x
	sets SENDFIN_LOG=/var/log/x --log /var/log/x
	sets SENDFIN_LOG=stderr --log=stderr
	sets SENDFIN_LOG=syslog --log=syslog
	sets SENDFIN_LOG=none --log=none
	sets "SENDFIN_LOG=$PWD/some.log" --log=some.log
	sets "SENDFIN_LOG=$PWD/./stderr" --log=./stderr
	sets SENDFIN_LOG_FORMAT=text --log-format=text
	sets SENDFIN_LOG_FORMAT=json --log-format=json
	sets "LD_PRELOAD=$lib" --off
	sets SENDFIN_MODE=observe --observe --observe
	sets SENDFIN_POLICY=eager --eager --policy=eager
	says='*nothing was seen' sets SENDFIN_MODE=observe --observe --eager --debug --

	for name in MODE POLICY TRIGGER DEBUG LOG LOG_FORMAT RECLAIM CLOEXEC PROBE REPORT \
		EXITCODE; do
		sf printenv "SENDFIN_$name"
		expect "without an option SENDFIN_$name is not set" 1 ''
	done
	SENDFIN_MODE=off SENDFIN_EXITCODE=9 sf sh -c 'echo "$SENDFIN_MODE $SENDFIN_EXITCODE"'
	expect 'variables that no option sets are passed on' 0 'off 9'
	SENDFIN_MODE=off sf --observe printenv SENDFIN_MODE
	expect 'an option overrides the environment' 0 observe
	SENDFIN_LEDGER=1:2:3 sf printenv SENDFIN_LEDGER
	expect 'the mark that one shim leaves for the next is passed on' 0 1:2:3
}

test_usage()
{
	local name

	sf --observe --off true
	refused '--observe and --off contradict each other' 2 '*--observe and --off contradict*'
	sf --enforce --off true
	refused '--enforce and --off contradict each other' 2 '*--enforce and --off*'
	sf --eager --policy=proof true
	refused '--eager and --policy=proof contradict each other' 2 '*--eager and --policy*'
	sf --log=/a --log=/b true
	refused 'two different --log contradict each other' 2 '*--log and --log*'
	sf --policy=fair true
	refused 'a bad policy is answered with the good ones' 2 \
		"*--policy*'fair'*proof|strict|eager"
	sf --trigger= true
	refused 'an empty trigger is bad' 2 "*--trigger: bad value ''*eof|close"
	sf --log-format=xml true
	refused 'a bad log format is bad' 2 "*'xml'*text|json"
	for name in 32768 -1 1s 030 ''; do
		sf --probe="$name" true
		refused "--probe='$name' is bad" 2 "*--probe: bad value '$name'*0-32767"
	done
	sf "--log=/$(printf '%01100d' 0)" true
	refused 'a path that the shim would not take is bad' 2 '*--log: bad value*'
	sf --log= true
	refused 'an empty log is bad' 2 "*--log: bad value*"
	sf --policy=stric true
	refused 'the beginning of a word is not the word' 2 '*bad value*'
	sf --frobnicate true
	refused 'an unknown long option is named' 2 '*--frobnicate: no such option*--help*'
	sf -x true
	refused 'an unknown short option is named' 2 '*-x: no such option*--help*'
	sf --debug=1 true
	refused 'an argument for an option that takes none is refused' 2 \
		'*--debug: takes no argument'
	capture "$sendfin" run --log
	refused 'an option without its argument is refused' 2 '*--log: needs an argument'
	sf
	refused 'no CMD is a usage error' 2 '*which program?*usage:*'
	sf --
	refused 'no CMD after -- is a usage error' 2 '*which program?*'
	capture "$sendfin"
	expect 'no command is a usage error' 2 '' 'usage: sendfin*'
	capture "$sendfin" frobnicate
	refused 'an unknown command is named' 2 'frobnicate: no such command*'
	capture "$sendfin" help frobnicate
	refused 'help for an unknown command is refused' 2 'frobnicate: no such command*'
}

# options_in_manual SECTION
options_in_manual()
{
	sed -n "/^\.Ss $1/,/^\.S[sh] /s/^\.It \(Fl h , \)\{0,1\}Fl -\([a-z-]*\).*/\2/p" \
		man/sendfin.1
}

test_help()
{
	local a count

	capture "$sendfin" --version
	if [[ "$status $out$err" =~ ^0\ sendfin\ [0-9]+(\.[0-9]+)+$ ]]; then
		pass '--version prints name and number'
	else
		flunk '--version prints name and number'
	fi
	capture "$sendfin" --help
	a=$out
	same '--help lists the commands' "$status $(sed -n 's/^  \([a-z]*\) .*/\1/p' <<<"$a" | xargs)" \
		'0 run report help'
	capture "$sendfin" help
	same 'help is --help' "$out" "$a"
	capture "$sendfin" run --help
	a=$out
	same 'run --help prints its usage' "$status $(grep -o '^usage: sendfin run' <<<"$a")" \
		'0 usage: sendfin run'
	capture "$sendfin" run -h
	same 'run -h is run --help' "$out" "$a"
	capture "$sendfin" help run
	same 'help run is run --help' "$out" "$a"
	capture "$sendfin" run --help --no-such-thing-behind-it
	refused 'a wrong option is wrong beside --help too' 2 '*no such option*'
	capture sh -c '"$1" run --help >/dev/full' - "$sendfin"
	refused 'help that cannot be written is a failure' 1 'stdout: *'
	same 'no line of the help is longer than 80 columns' "$(awk 'length > 80' <<<"$a")x" x
	same 'sendfin(1) and run --help list the same options' \
		"$(sed -n 's/^  \(-h, \)\{0,1\}--\([a-z-]*\).*/\2/p' <<<"$a")" \
		"$(options_in_manual 'Options of run')"
	capture "$sendfin" report --help
	same 'sendfin(1) and report --help list the same options' \
		"$(sed -n 's/^  \(-h, \)\{0,1\}--\([a-z-]*\).*/\2/p' <<<"$out")" \
		"$(options_in_manual 'The report')"
	same 'no line of the help of report is longer than 80 columns' \
		"$(awk 'length > 80' <<<"$out")x" x
	same 'sendfin(7) lists the variables of env.h, in its order' \
		"$(sed -n 's/^\.It Ev \(SENDFIN_[A-Z_]*\)$/\1/p' man/sendfin.7)" \
		"$(grep -o '"SENDFIN_[A-Z_]*"' include/sendfin/env.h | tr -d '"')"
	count=$(grep -c '"SENDFIN_[A-Z_]*"' include/sendfin/env.h)
	same 'sendfin(7) gives a default and an example for each' "$count $count" \
		"$(grep -c '^Default:' man/sendfin.7) $(grep -c '^Example:' man/sendfin.7)"
}

test_dry_run()
{
	local line

	sf --dry-run --observe --log=/x touch "$tmp/touched"
	expect '--dry-run prints the line' 0 \
		"env SENDFIN_MODE=observe SENDFIN_LOG=/x LD_PRELOAD=$lib touch $tmp/touched"
	same '--dry-run runs nothing' "$([ -e "$tmp/touched" ])$?" 1
	sf --dry-run --eager sh -c 'printf "%s|" "$SENDFIN_POLICY" "$@"' - 'a b' "it's" '' '$x' '*'
	line=$out
	same 'the line does the same in a shell' "$(sh -c "$line")" "eager|a b|it's||\$x|*|"
	sf --dry-run --fail-on-leak=7 --log=/x true
	expect '--dry-run prints what does about the same as --fail-on-leak' 0 \
		"env SENDFIN_DEBUG=1 SENDFIN_LOG=/x SENDFIN_EXITCODE=7 LD_PRELOAD=$lib true"
	sf --dry-run no-such-program-anywhere
	refused '--dry-run looks for CMD' 127 '*no such program*'
	LD_PRELOAD=$tmp/liba.so sf --dry-run true
	expect '--dry-run shows what LD_PRELOAD keeps' 0 "env LD_PRELOAD=$lib:$tmp/liba.so true"
	capture sh -c '"$@" >/dev/full' - "$sendfin" run --library "$lib" --dry-run true
	refused 'a line that cannot be written is a failure' 1 'stdout: *'
}
