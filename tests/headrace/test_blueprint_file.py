"""Files and inputs as people write them, read into exactly what the API takes."""

import pytest

from headrace.blueprint_file import load_blueprint, load_input
from headrace.errors import Complaint


@pytest.fixture
def file(tmp_path):
    def write(text: str, name: str = "b.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_yaml_and_json_say_the_same(file):
    yaml = load_blueprint(file("name: a\nnodes:\n  - {id: start, type: start}\n"))

    assert yaml == load_blueprint(file('{"name": "a", "nodes": [{"id": "start", "type": "start"}]}', "b.json"))


def test_only_what_json_knows_comes_out_of_yaml(file):
    found = load_blueprint(file("country: no\nday: 2026-01-31\nyes_: true\nwhen: on\nsum: 1.5\n"))

    assert found == {"country": "no", "day": "2026-01-31", "yes_": True, "when": "on", "sum": 1.5}


@pytest.mark.parametrize(
    ("text", "name", "sentence"),
    [
        ("nodes: [a\nb: c", "b.yaml", r"b\.yaml, line 2, column \d+: not YAML"),
        ('{"a": }', "b.json", r"b\.json, line 1, column 7: not JSON"),
        ("- a\n- b\n", "b.yaml", "write a mapping with name, nodes and edges"),
        ("!!python/object:os.system {}", "b.yaml", "not YAML"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(file, text, name, sentence):
    with pytest.raises(Complaint, match=sentence):
        load_blueprint(file(text, name))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(Complaint, match=r"cannot be read .*check the path"):
        load_blueprint(tmp_path / "missing.yaml")


def test_an_input_is_json_or_a_file_or_nothing(file):
    assert load_input('{"a": [1, 2.5, null]}') == {"a": [1, 2.5, None]}
    assert load_input(f"@{file('a: 1')}") == {"a": 1}
    assert load_input(None) == {}


def test_an_input_that_is_no_json_shows_how_it_is_written():
    with pytest.raises(Complaint, match=r"--input '\{\"name\": \"Ada\"\}', or --input @FILE"):
        load_input("{name: Ada}")
