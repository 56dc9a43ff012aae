"""What the lists of real tools and calls give is what the page says of it."""

from aegisd.draft.draft import draft
from benchmarks import drafts


def test_no_harmful_call_is_allowed_without_a_word_and_honest_ones_go_through() -> None:
    found = draft(drafts.called(), "measured")
    manifest = drafts.filled(found)
    harmful = drafts.judged(manifest, drafts.calls("harmful"))
    silent = [
        each.call["id"]
        for each in harmful
        if each.outcome == "allow" and not drafts.told(found, each.call)
    ]
    honest = drafts.judged(manifest, drafts.calls("benign"))
    wrong = [each.call["id"] for each in honest if each.outcome != each.call["expect"]]
    assert not silent
    assert not wrong
