"""Shells, wrappers and interpreters: programs whose words are programs or code."""

TABLE = """
sh, bash, dash, ash, ksh, mksh, rbash, zsh, csh, tcsh: load rest...
    code
    flag    -a -e -f -h -k -m -n -p -r -u -v -x -l -B -C -E -H -P -T --login --noprofile --norc --posix
    text    -o -O
    line!   -c
eval: line
exec: argv
    flag    -c -l
    text    -a
command: argv
    flag    -p -v -V
builtin, coproc, fakeroot, nocorrect, noglob, busybox, toybox: argv
nohup, setsid: argv
    flag    -c -f -w --fork --wait
source: load text...
    code
cd, pushd: read
    flag    -P -L
export, declare, local, readonly: variable...
    flag    -n -p
unset: text...
    flag    -v
true, false, :, wait, jobs, exit, clear, set: text...
pwd, whoami, hostname, uname, arch, nproc, uptime, tty, groups, sync:
    flag    -a -b -f -n -s -r -m -p -u -g -G -o -i -l -L -P --all
id: text...
    flag    -u -g -G -n
echo: text...
    flag    -n -e -E
printf: text...
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
    place   -C --chdir
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
    flag    -b -B -d -E -I -O -P -q -s -S -u -v -x
    text    -W
    name    -X
    given code  -c
    loads!  -m
perl, php, ruby, lua, luajit, Rscript, groovy, elixir, julia, osascript, scala: load rest...
    code
    flag    -w -W -t -T -u
    given code  -e -E -r
node, nodejs, bun, tsx, ts-node, deno: load rest...
    code
    flag    -c --check --test --watch --trace-warnings --enable-source-maps --no-warnings
    text    --max-old-space-size
    given code  -e -p --eval --print
    loaded  -r --require --import --loader
    read    --env-file
"""
