"""Small languages in a word: what is surely harmless in them, and a problem for all else."""

import re
from collections.abc import Iterator

from aegisd.core.program.reach import Reach, problem

# One command of sed that touches nothing but the text: an address or two, and a letter. A bracket
# in a pattern closes before the sign that ends it: versions of sed differ in what they take then.
_SED_BRACKET = r"\[\^?\]?(?:(?!{cut})[^\]\\\n]|\\[^\]\n])*\]"
_SED_PATTERN = rf"(?:{_SED_BRACKET}|(?!{{cut}})[^\[\\\n]|\\.)*"
_SED_ADDRESS = rf"(?:[0-9]+(?:~[0-9]+)?|\$|/{_SED_PATTERN.format(cut='/')}/I?|\+[0-9]+)"
_SED_COMMAND = re.compile(
    rf"""
    \s*(?:{_SED_ADDRESS}(?:,{_SED_ADDRESS})?)?\s*!?\s*
    (?:[dDpPgGhHxnN=]
      | [qQ][0-9]*
      | \{{ | \}}
      | s(?P<cut>[^\w\s\\\[\]]){_SED_PATTERN.format(cut="(?P=cut)")}(?P=cut)
        (?:(?!(?P=cut))[^\\\n]|\\.)*(?P=cut)[gpiI0-9]*
      | y(?P<cut2>[^\w\s\\])(?:(?:(?!(?P=cut2))[^\\\n]|\\.)*(?P=cut2)){{2}}
      | [aic]\\?\ ?[^\n\\]*(?=\Z|\n)
    )
    \s*(?:;|\n|\Z|(?<=\{{)|(?=\}}))
    """,
    re.VERBOSE,
)
_AWK_ACTS = re.compile(
    r"system|getline|ARGV|ARGC|SYMTAB|FUNCTAB|@|/inet|(?<!\|)\|(?!\|)|close|fflush"
)
# What is printed goes to a file, unless a statement without texts ends before the sign.
_AWK_WRITES = re.compile(r"\bprintf?\b(?![^\"/>\\;}\n]{0,200}[;}\n])[^>]*>")
# Words of statements that reach files, hosts or code, here and on the server; and comments, which
# part words as spaces do.
_SQL_READS = re.compile(
    r"""
    \\(?!(?:d[a-zA-Z+]*|l\+?|q|x|timing|conninfo)(?:\s+[\w.*]+)?\s*\Z) | /\* | --
    | \b(?:copy|attach|load|outfile|dumpfile|load_file|writefile|readfile|fsdir|zipfile|execute
        |do|\w*preload_libraries|dynamic_library_path|archive_command)\b
    | \b(?:load_extension|fts3_tokenizer|pg_read|pg_ls|pg_stat_file|lo_import|lo_export|dblink
        |query_to_xml|cursor_to_xml)
    | \bedit\s*\( | \balter\s+system\b
    | \bvacuum\b(?!\s*(?:\(|full|freeze|verbose|analy[sz]e|;|\Z|\w+\s*(?:;|\Z)))
    | \b(?:create|alter|import)\s+(?:\w+\s+){0,3}(?:extension|function|procedure|server
        |subscription|language|foreign|event|trigger|virtual|mapping)\b
    | (?:\A|;|\n)\s*(?:system|source|tee|pager|edit|connect|install|change)\b
    | \A\s*\.(?!(?:tables|schema|indexes|dbinfo|mode|headers?)\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Commands of Redis that change the server, send it elsewhere or run code there.
_REDIS = re.compile(
    r"acl|bg\w+|cluster|config|debug|eval\w*|failover|fcall\w*|function|migrate|module|monitor|psync"
    r"|replicaof|restore\w*|save|script|shutdown|slaveof|sync",
    re.IGNORECASE,
)
_STRATEGY = re.compile(
    r"ignore-all-space|ignore-space-change|octopus|ort|ours|patience|recursive|renormalize|resolve"
    r"|subtree|theirs"
)
_LOGIN = re.compile(
    r"(?:batchmode|connecttimeout|serveralive\w+|stricthostkeychecking|identitiesonly|loglevel)"
    r"[= ][\w-]+",
    re.IGNORECASE,
)
_SETTING = re.compile(
    r"(?:user\.(?:name|email)|color\.[\w.]+|advice\.\w+|core\.(?:abbrev|autocrlf|filemode|quotepath)"
    r"|init\.defaultbranch|commit\.gpgsign|pull\.(?:rebase|ff)|push\.default|fetch\.prune"
    r"|rebase\.autostash|diff\.(?:algorithm|renames|context)|log\.\w+|merge\.conflictstyle)",
    re.IGNORECASE,
)


def sed(word: str) -> Iterator[Reach]:
    """A script of sed that neither runs a program nor names a file."""
    at = 0
    while at < len(word):
        found = _SED_COMMAND.match(word, at)
        if found is None or found.end() == at:
            yield problem("code")
            return
        at = found.end()


def awk(word: str) -> Iterator[Reach]:
    """A program of awk without commands, pipes, and files of its own."""
    if _AWK_ACTS.search(word) or _AWK_WRITES.search(word, 0, word.rfind(">") + 1):
        yield problem("code")


def jq(word: str) -> Iterator[Reach]:
    """A filter of jq, which has no way out but modules."""
    if re.search(r"import|include|modulemeta", word):
        yield problem("code")


def yq(word: str) -> Iterator[Reach]:
    """An expression of yq that loads no file and starts nothing."""
    if re.search(r"load|import|include|system|env|splitDoc", word):
        yield problem("code")


def redis(word: str) -> Iterator[Reach]:
    """A command of Redis that neither changes the server nor sends it elsewhere."""
    if _REDIS.fullmatch(word) or not re.fullmatch(r"[A-Za-z_]+", word):
        yield problem("code")


def sql(word: str) -> Iterator[Reach]:
    """Statements and the few commands of a client that only look."""
    if _SQL_READS.search(word):
        yield problem("code")


def setting(word: str) -> Iterator[Reach]:
    """A setting of git, `name` or `name=value`, that starts nothing and reaches nothing."""
    if not _SETTING.fullmatch(word.partition("=")[0]):
        yield problem("setting")


def login(word: str) -> Iterator[Reach]:
    """A setting of ssh that changes neither where it goes nor what it starts."""
    if not _LOGIN.fullmatch(word):
        yield problem("setting")


def shell(word: str) -> Iterator[Reach]:
    """How rsync reaches a host: through ssh and nothing else."""
    if not re.fullmatch(r"ssh(?: -p ?[0-9]+)?", word):
        yield problem("code")


def strategy(word: str) -> Iterator[Reach]:
    """How git merges: a strategy of its own, others are programs; or an option of one."""
    if not _STRATEGY.fullmatch(word):
        yield problem("setting")
