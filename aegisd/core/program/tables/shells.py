"""Shells, wrappers and interpreters: programs whose words are programs or code."""

TABLE = """
sh, bash, dash, ash, ksh, mksh, rbash, zsh: script rest...
    code
    flag    -a -e -f -h -m -n -p -r -u -v -x -l -B -C -E -H -P --login --noprofile --norc --posix
    strict  -o
    line!   -c
eval: line
exec: argv
    flag    -c -l
    text    -a
command: argv
    flag    -p -v -V
builtin, coproc, fakeroot, nocorrect, noglob, busybox, toybox: argv
csh, tcsh, fish, groovy, scala, osascript, emacs, sftp, ftp, mongosh, mongo: code...
    code
at, batch, bwrap, chroot, chrt, cmd, dbus-run-session, entr, expect, firejail, flock, ltrace, \
mosh, nsenter, parallel, pkexec, powershell, proxychains, pwsh, rlwrap, rsh, runuser, screen, \
script, setpriv, sshpass, strace, su, systemd-run, taskset, tmux, torsocks, unshare, \
xvfb-run: code...
    code
nohup, setsid: argv
    flag    -c -f -w --fork --wait
source, .: load rest...
    code
cd: entered
alias, trap, enable, shopt, hash, bind, complete, compgen, let, mapfile, readarray, read, \
pushd: code...
export, declare, typeset, local, readonly: variable...
    flag    -n -p
unset: text...
    flag    -v
set: text...
    flag    -e -u -x -f -v
    strict  -o
true, false, :, wait, jobs, exit, clear: text...
pwd, whoami, hostname, uname, arch, nproc, uptime, tty, groups, sync:
    flag    -a -f -n -s -r -m -p -u -o -i -L -P --all
id: text...
    flag    -u -g -G -n -r
echo: rest...
printf: text rest...
sleep, seq, basename, dirname, expr, factor, numfmt: text...
    flag    -w -z -a
    text    -s -f
which, type: text...
    flag    -a -t
test, [: read...
    flag    -e -f -d -r -w -x -s -L -h -p -S -n -z -eq -ne -lt -le -gt -ge -nt -ot -ef -a -o
    single
env: variable... argv
    flag    -i -0 -v --ignore-environment --null
    text    -u --unset
    project -C --chdir
sudo: variable... argv
    flag    -b -E -H -k -K -n -P -S --non-interactive --preserve-env
    text    -u -g -p --user --group
doas: argv
    flag    -n
    text    -u
nice: argv
    text    -n --adjustment
    flag    -#
ionice: argv
    flag    -t
    text    -c -n
stdbuf: argv
    text    -i -o -e
time: argv
    flag    -a -p -q -v -V
    text    -f
    write   -o
timeout: text argv
    flag    -f -p -v --foreground --preserve-status
    text    -k -s --kill-after --signal
watch: line
    flag    -b -c -d -e -g -p -t
    text    -n
caffeinate: argv
    flag    -d -i -m -s -u
    text    -t -w
unbuffer: argv
    flag    -p
xargs: fed
    flag    -0 -r -t -x --null --no-run-if-empty
    text    -L -n -P -s -E -d --max-args --max-procs
    read    -a --arg-file
python, pypy, pythonw: load rest...
    code
    flag!   -V -h --version --help
    flag    -b -B -d -E -I -O -P -q -s -S -u -v -x
    text    -W
    name    -X
    given code -c
    loads!  -m
perl: load rest...
    code
    flag!   -v --version
    flag    -c -w -W -t -T
    given code -e -E
ruby: load rest...
    code
    flag!   --version
    flag    -c -w -W
    given code -e -r
php: load rest...
    code
    flag!   -v -m --version
    flag    -l
    given code -r -R -B -E
lua, luajit, Rscript, elixir, julia: load rest...
    code
    given code -e -E
node, nodejs: load rest...
    code
    flag!   -v -h --version --help
    flag    -c --check --watch --trace-warnings --enable-source-maps --no-warnings
    flag    --trace-deprecation --experimental-strip-types
    text?   --max-old-space-size --stack-trace-limit
    given code -e -p --eval --print
    loaded  -r --require --import --loader
    load    --env-file
node inspect, nodejs inspect: load rest...
    code
tsx, ts-node: load rest...
    code
    given code -e -p --eval --print
tsx watch: load rest...
    code
deno:
    flag    --version
deno run: loaded rest...
    code
    flag    -A
deno test, deno check, deno lint, deno fmt: load...
bun:
    flag    --version
bun run: passed rest...
bun test: load...
bun install, bun add, bun remove: package...
    flag    -d -D --dev --exact --frozen-lockfile
"""
