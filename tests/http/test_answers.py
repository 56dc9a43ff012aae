"""An answer is one line of JSON."""

from tests.http.door import Door, message


def test_an_answer_is_one_line_of_the_length_it_says(shared: Door) -> None:
    answer = shared.post("/v1/events", message("line"))
    assert answer.content.endswith(b"}\n")
    assert answer.headers["content-length"] == str(len(answer.content))
