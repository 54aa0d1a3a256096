"""The model server of the tests: what it answers to a plain client."""

import http.client
import json
from urllib.parse import urlsplit

import pytest

from sandmle.core.policy import Completion
from sandmle.scaffolds import make_scaffold
from sandmle.testing.model_server import (
    BROKEN,
    BUSY,
    CUT_STREAM,
    TRUNCATED_BODY,
    ModelServer,
    every,
    first,
    ladder_turns,
    scripted_turns,
)
from sandmle.testing.tiny_task import TINY_SCRIPTS, tiny_task


def post(server, *messages, **body):
    url = urlsplit(server.base_url)
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    try:
        asked = {"model": "m", "messages": list(messages), **body}
        connection.request("POST", f"{url.path}/chat/completions", json.dumps(asked))
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def user(text):
    return {"role": "user", "content": text}


def test_it_answers_by_the_request_and_keeps_it():
    with ModelServer(lambda request: f"{request.said} turns after {request.prompt}") as server:
        status, _, body = post(server, user("hi"), {"role": "assistant", "content": "a"}, seed=3)
    message = json.loads(body)["choices"][0]["message"]
    assert (status, message["content"]) == (200, "1 turns after hi")
    assert server.requests[0].body["seed"] == 3


def test_a_stream_holds_the_same_turn_and_ends_with_done():
    with ModelServer(lambda request: "x" * 100) as server:
        _, _, body = post(server, user("hi"), stream=True)
        _, _, cut = post(server, user("hi"), stream=True)
    events = [line.removeprefix("data: ") for line in body.splitlines() if line]
    deltas = [json.loads(event)["choices"] for event in events[:-1]]
    text = "".join(choice[0]["delta"].get("content", "") for choice in deltas if choice)
    assert (text, events[-1], cut) == ("x" * 100, "[DONE]", body)


def test_faults_follow_their_plan():
    plan = first([BUSY, BROKEN])
    with ModelServer(lambda request: "a", faults=plan) as server:
        answers = [post(server, user("hi")) for _ in range(3)]
    assert [status for status, _, _ in answers] == [429, 500, 200]
    assert answers[0][1]["Retry-After"] == "0"
    assert [every(2, [BUSY, BROKEN])(n) for n in range(6)] == [BUSY, None, BROKEN, None, BUSY, None]


def test_cuts_leave_a_body_or_a_stream_unfinished():
    truncated = ModelServer(lambda request: "x" * 100, faults=first([TRUNCATED_BODY]))
    with truncated as server, pytest.raises(http.client.IncompleteRead):
        post(server, user("hi"))
    with ModelServer(lambda request: "x" * 100, faults=first([CUT_STREAM])) as server:
        status, _, body = post(server, user("hi"), stream=True)
    assert status == 200
    assert "[DONE]" not in body


def test_a_key_is_asked_for_and_models_are_listed():
    with ModelServer(lambda request: "a", api_key="k") as server:
        assert post(server, user("hi"))[0] == 401
        assert server.requests == []
        url = urlsplit(server.base_url)
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
        connection.request("GET", "/v1/models", headers={"Authorization": "Bearer k"})
        assert json.loads(connection.getresponse().read())["data"] == [{"id": "scripted"}]
        connection.close()


def test_scripts_are_found_by_the_longest_text_of_the_prompt():
    respond = scripted_turns({"task": ["a", "b"], "task two": [Completion(text="c")]})
    with ModelServer(respond) as server:
        turns = [post(server, user(text))[2] for text in ("task one", "task two", "other")]
    said = [json.loads(body)["choices"][0]["message"]["content"] for body in turns]
    assert said[:2] == ["a", "c"]
    assert said[2].startswith("No script is known")


def test_the_best_baseline_of_a_task_is_played_turn_by_turn(tmp_path):
    task_dir, scaffold = tiny_task(tmp_path / "task"), make_scaffold("react")
    with ModelServer(ladder_turns([task_dir], scaffold)) as server:
        _, _, body = post(server, user(f"Solve:\n{task_dir.task.description}"))
    expected = scaffold.turns([TINY_SCRIPTS["expert"]])[0].text
    assert json.loads(body)["choices"][0]["message"]["content"] == expected
