"""What words in the names of tools and parameters say."""

import re
from collections.abc import Mapping
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+s?(?![a-z])|[A-Z]?[a-z]+")


@lru_cache(4096)
def words(name: str) -> tuple[str, ...]:
    """`getUserURLs` like `get_user_urls`: its words in lower case, each also without a final s."""
    found = [word.lower() for word in _WORD.findall(name)]
    return tuple(form for word in found for form in dict.fromkeys((word, word.removesuffix("s"))))


def joined(name: str) -> str:
    """`old_string` and `oldString` alike."""
    return "".join(_WORD.findall(name)).lower()


def table(text: str) -> Mapping[str, frozenset[str]]:
    """Lines of `name: word word …`, a line that begins with a blank going on."""
    lines = re.sub(r"\n +", " ", text.strip()).split("\n")
    return {name: frozenset(rest.split()) for name, _, rest in (at.partition(":") for at in lines)}


# What a tool does by the words of its name. The first verb decides: behind one that reads or
# computes, all other words name what is read.
EFFECTS = table("""
read: audit browse check compare count crawl describe detect diff examine explain export fetch
 find get glob grep head inspect list log lookup look monitor open peek ping poll preview print
 query read recall retrieve scan scrape screenshot search select show snapshot stat status tail
 trace tree verify view watch whoami validate
compute: analyze calculate compute convert decode decrypt encode encrypt estimate evaluate format
 generate hash parse plan render resize shorten simulate sleep sort summarize think thinking
 tokenize transform translate wait
write: add append apply archive assign attach branch cache change checkout click clone close
 commit compile configure copy create draft drag duplicate edit enable disable extract fill fork
 hover import insert install label link load lock make mark merge mkdir modify move navigate open
 patch pin press process push put queue record register rename reopen replace restart restore
 resume rotate save schedule set spawn stage star start stop store subscribe switch sync tag
 toggle type unzip update upload upsert write
delete: cancel clean clear delete destroy discard drop erase kill prune purge remove reset revoke
 terminate trash truncate uninstall unlink wipe
exec: bash cmd command compile eval exec execute powershell python repl run script sh shell
 terminal
message: announce broadcast comment discussion dm email forward issue invite mail message notify
 post publish pull reply review reviewer send share sms toot tweet
spend: bid book buy cart charge donate invoice invest money order pay payment payout purchase refund
 reserve spend trade transaction transfer withdraw
auth: access auth authorize assistant ban collaborator configure context credential grant
 guardrail impersonate invite kick login member oauth password permission policy prompt protection
 role secret security setting sudo token webhook
""")

# What a parameter steers, the first that fits: by its whole name, or by its last word.
WHOLE = table("""
url: url uri href link endpoint host hostname domain server website webhook callback proxy origin
 registry
path: attachments attachment path file filename filepath dir directory folder cwd workdir root
 source src dest destination dst layout paths files directories folders target output extractto
 saveto outputto inputfile outputfile
command: cmd command argv shell bash commandline
amount: amount price quantity qty total cost cents sum
content: text body content contents title subject message note notes q newsource query pattern
 oldtext newtext oldstring newstring oldstr newstr search searchterm term keyword prompt html
 markdown comment summary caption description regex replacement snippet question answer thought
 reason old new textbody htmlbody bodytext bodyhtml name label emoji data input edits lines value
 commitmessage committitle
""")
LAST = table("""
url: url uri href endpoint host hostname domain webhook
path: path file filename filepath dir directory folder
command: cmd command
amount: amount price cents
content: text body content html message description comment title prompt query markdown
""")

# More words, by what they are used for.
#
# code runs as it is; a formula is a template or a document whose reader may run what it finds; a
# query is in the language of a database. People are whom a message or a payment goes to, elsewhere
# tells that a place is not on this machine, and ends are both sides of anything.
SAYS = table("""
net: crawl curl download fetch http https scrape url web webpage wget
grave: approve deploy install merge migrate release rollback transfer
kept: archive delete edit label mark modify move pin remove star trash
code: code script sourcecode func funccode functioncode javascript js python pythoncode pycode lua
 ruby modulecode serializeddata pickle jscode scriptcode
module: module modulename
loads: call import load run
formula: expression formula template formatstr formatstring customtemplate pagetemplate yaml
 yamlcontent xpath jq jsonpath
query: sql sqlquery cypher statement graphql mql hql
database: athena bigquery cassandra clickhouse cypher database db duckdb graphql mongo mongodb
 mysql neo oracle postgres postgresql redshift snowflake sql sqlite table
languages: sql cypher graphql select
people: to cc bcc recipient recipients receiver email emails channel channels channelid
 channelname chat chatid room roomid phone phonenumber tonumber iban payee beneficiary account
 accountid accountnumber attendees participants invitees user userid username users owner repo
 repository org organization reviewers teamreviewers assignees assignee group groupid member
 members conversationid contact contactid customer customerid vendor vendorid replyto toaddress
 address destination target fromemail fromnumber fromaddress sender
addresses: account address beneficiary email iban payee phone recipient
invited: attendees participants invitees
elsewhere: owner repo repository project projectid guildid
written: dest destination dst target output outputpath outputfile outputdir extractto saveto
 savepath to topath newpath
writes: write save create edit append move copy upload
ends: source target src dst dest destination root output layout
files: archive copy dir directory directories document file files folder link move page path
 rename unzip zip
places: archive dir directory document file folder glob grep ls tree
vague: path root layout
lists: allowed blocked exclude excluded ignore include
ids: id uuid sha owner repo username
claims: clearance privilege role trust
modes: access auth security trust validation
permissions: permission chmod mkdir
sorts: orderby sort sortby sortorder sortfield groupby direction
branches: branch branchname newbranch frombranch basebranch targetbranch revision commit tag
secrets: apikey apitoken authtoken accesstoken password passphrase secret token
keys: encrypt decrypt sign
""")

# Words of switches that widen what a harmless call may do, and of those that narrow it.
_SWITCH = table("""
widens: admin admins builtins bypass credential credentials dangerous dangerously demonstrate
 escalate exploit expressions history imports impersonate insecure jailbreak metadata override
 privilege privileged root secret secrets sensitive skip sudo suid system tokens trust unsafe
 unrestricted eval loader scan
narrows: dry enforce no only require safe simulate strict verify
guards: autoescape auth check checks escape filter filters sandbox security ssl tls
takes: include return with
""")


def says(kind: str, *names: str) -> bool:
    """Whether one of some words is of a kind."""
    return not SAYS[kind].isdisjoint(names)


def widens(name: str) -> bool:
    """Whether a switch of this name lets a tool do more than it says."""
    said = set(words(name))
    if words(name)[:1] == ("disable",):
        return bool(said & _SWITCH["guards"])
    if said & {"metadata"} and said & _SWITCH["takes"]:
        return False
    return bool(said & _SWITCH["widens"]) and ("privilege" in said or not said & _SWITCH["narrows"])
