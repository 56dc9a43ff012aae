"""Patches as tools and agents write them, and texts that are none."""

from aegisd.core.target.patch import named
from tests.table import each

GIT = "diff --git a/{0} b/{0}\n"

PATCHES = [
    ("--- a/src/x.py\n+++ b/src/x.py\n@@ -1 +1 @@\n-a\n+b\n", {"src/x.py"}),
    (
        "--- x.orig\t2024-05-01 10:00:00\n+++ /etc/passwd\t2024-05-01 10:00:00\n",
        {"x.orig", "/etc/passwd"},
    ),
    ("--- /dev/null\r\n+++ b/new\r\n@@ -0,0 +1 @@\r\n+x\r\n", {"new"}),
    ("+++ /etc/passwd\n@@ -1 +1 @@\n-a\n+b\n", {"/etc/passwd"}),
    (
        "*** old.c\n--- ../new.c\n***************\n*** 1,2 ****\n--- 1,3 ----\n",
        {"old.c", "../new.c"},
    ),
    (
        GIT.format("a b") + "similarity index 100%\nrename from a b\nrename to ../c\n",
        {"a b", "../c"},
    ),
    (GIT.format("run me.sh") + "old mode 100644\nnew mode 100755\n", {"run me.sh"}),
    ('--- /dev/null\n+++ "b/M\\303\\274ller"\n', {"M\u00fcller"}),
    ('--- /dev/null\n+++ "b/\\377"\n', {"\\377"}),
    ("Index: /etc/hosts\n===\n@@ -1 +1 @@\n", {"/etc/hosts"}),
    ("*** Begin Patch\n*** Update File: a.py\n*** Move to: /etc/b\n@@\n-x\n", {"a.py", "/etc/b"}),
    ("*** Add File: c\n+x\n*** Delete File:d\n*** End Patch", {"c", "d"}),
    ("# Title\n\n---\nrename to be done\n+++ more\n*** stars ***\nIndex: 3\n", set()),
    ("@@ -1 +1 @@\n--- a comment of SQL\n+ x\n", set()),
]


@each(("text", "expected"), PATCHES)
def test_a_patch_names_its_files_and_another_text_none(text: str, expected: set[str]) -> None:
    assert set(named(text)) == expected
