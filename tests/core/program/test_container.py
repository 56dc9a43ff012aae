"""Words of containers: what is outside is judged, what is inside is not."""

from aegisd.core.program import container
from aegisd.core.program.meaning import Meaning
from aegisd.core.program.word import UNKNOWN
from tests.core.program.words import told
from tests.table import each


@each(
    ("meaning", "rows"),
    [
        (
            container.image,
            {
                "node:20": "",
                "acme/api:1": "",
                "h.x/a": "host h.x",
                "h:5000/a": "host h:5000",
                "EVIL/a": "host EVIL",
                f"x{UNKNOWN}": "problem unknown",
            },
        ),
        (container.pinned, {"web=node": "", "web=h.x/a": "host h.x"}),
        (
            container.volume,
            {
                "data:/x": "",
                "/app/node_modules": "",
                "/x:/y:ro": "write /x",
                "./x:/y": "write ./x",
                "a/../b:/y": "write a/../b",
            },
        ),
        (
            container.mount,
            {
                "type=bind,source=/x,target=/y": "write /x",
                "type=volume,src=data,dst=/y,readonly": "",
                "Type=bind,Source=/x": "problem word, problem word",
                "volume-opt=device=/x": "problem word",
                '"source=/x"': "problem word",
                "type=npipe": "problem word",
            },
        ),
        (
            container.context,
            {
                ".": "load .",
                "services/api": "load services/api",
                "../x": "load ../x",
                "https://h/x.git": "url https://h/x.git",
                "git@h:x.git": "host git@h",
                "h.x/a/b": "host h.x",
                "-": "problem input",
            },
        ),
        (
            container.chart,
            {"bitnami/redis": "", "./c": "load ./c", "oci://h/c": "url oci://h/c"},
        ),
        (
            container.shape,
            {
                "wide": "",
                "jsonpath={.x}": "",
                "jsonpath-file=x": "read x",
                "templatefile": "problem word",
            },
        ),
        (container.keyed, {"x": "read x", "k=x": "read x"}),
        (container.inside_from, {"box:/x": "", "x": "read x", "../x:y": "read ../x:y"}),
        (container.inside_to, {"box:/x": "", "./x:y": "write ./x:y"}),
    ],
)
def test_a_word_of_a_container_says_what_of_this_machine_it_reaches(
    meaning: Meaning, rows: dict[str, str]
) -> None:
    assert told(meaning, rows) == rows
