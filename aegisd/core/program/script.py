"""Small languages in a word: what is surely harmless in them, and a problem for all else."""

import re
from collections.abc import Iterator

from aegisd.core.program.reach import Reach, problem

# One command of sed that touches nothing but the text: an address or two, and a letter.
_SED_ADDRESS = r"(?:[0-9]+(?:~[0-9]+)?|\$|/(?:[^/\\\n]|\\.)*/I?|\+[0-9]+)"
_SED_COMMAND = re.compile(
    rf"""
    \s*(?:{_SED_ADDRESS}(?:,{_SED_ADDRESS})?)?\s*!?\s*
    (?:[dDpPgGhHxnN=]
      | [qQ][0-9]*
      | \{{ | \}}
      | s(?P<cut>[^\w\s\\])(?:(?!(?P=cut))[^\\\n]|\\.)*(?P=cut)(?:(?!(?P=cut))[^\\\n]|\\.)*(?P=cut)[gpiI0-9]*
      | y(?P<cut2>[^\w\s\\])(?:(?!(?P=cut2))[^\\\n]|\\.)*(?P=cut2)(?:(?!(?P=cut2))[^\\\n]|\\.)*(?P=cut2)
      | [aic]\\?\ ?[^\n\\]*(?=\Z|\n)
    )
    \s*(?:;|\n|\Z|(?<=\{{)|(?=\}}))
    """,
    re.VERBOSE,
)
_AWK_ACTS = re.compile(
    r"system|getline|ARGV|ARGC|@|/inet|\bprintf?\b[^;}\n]*>|(?<!\|)\|(?!\|)|close|fflush"
)
_SQL_READS = re.compile(
    r"(?i)\\(?!(?:d[a-zA-Z+]*|l\+?|q|x|timing|conninfo)(?:\s+[\w.*]+)?\s*\Z)"
    r"|\bcopy\b|\battach\b|\bload_extension|\bfts3_tokenizer|writefile|readfile|\bedit\s*\("
    r"|\bpg_read|\bpg_ls|\blo_(?:im|ex)port|\bdblink|\binto\s+(?:out|dump)file|\bload\s+data"
    r"|\bload_file|\A\s*\.(?!(?:tables|schema|indexes|dbinfo|mode|headers?)\b)"
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
    if _AWK_ACTS.search(word):
        yield problem("code")


def jq(word: str) -> Iterator[Reach]:
    """A filter of jq, which has no way out but modules."""
    if "import" in word or "include" in word:
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
    if not re.fullmatch(r"(?i)(?:batchmode|connecttimeout|serveralive\w+)[= ]\w+", word):
        yield problem("setting")
