"""Where expressions stand in a text, and what they read."""

import pytest

from contracts.expression_text import Hole, Unclosed, node_references, paths, pieces, roots_read, templates_in


class TestPieces:
    def test_are_texts_and_holes_in_order(self) -> None:
        assert pieces('a ${ {"b": "}"}.b } c $${d} ${e}') == ("a ", Hole('{"b": "}"}.b'), " c ${d} ", Hole("e"))

    def test_of_plain_text_are_the_text(self) -> None:
        assert pieces("plain { } $") == ("plain { } $",)
        assert pieces("") == ("",)

    @pytest.mark.parametrize("text", ["${", "a ${ b", "${ { }", "${a} ${"])
    def test_of_an_open_hole_are_refused(self, text: str) -> None:
        with pytest.raises(Unclosed, match="never closed"):
            pieces(text)


class TestPaths:
    @pytest.mark.parametrize(
        ("expression", "read"),
        [
            ("input.a.b > 1", [("input", "a", "b")]),
            ('input["a b"].c', [("input", "a b", "c")]),
            ("input . a", [("input", "a")]),
            ("size(input)", [("input",)]),
            ("input.list.exists(x, x > 1)", [("input", "list")]),
            ("input.list[0].x", [("input", "list")]),
            ("input[vars.key]", [("input",), ("vars", "key")]),
            ("input.a + input.a", [("input", "a")]),
            ("other.input.nodes", []),
            ('"input.a" + r"\\" + """nodes.b"""', []),
            ("vars.a // nodes.b", [("vars", "a")]),
        ],
    )
    def test_follow_names_as_far_as_they_go(self, expression: str, read: list[tuple[str, ...]]) -> None:
        assert list(paths(expression)) == read


def test_node_references_are_ids_not_members() -> None:
    assert node_references("nodes.a.x + nodes['b.c'] + input.nodes.d + nodes.a.y + size(nodes)") == ("a", "b.c")


def test_roots_are_read_unless_a_macro_binds_their_name() -> None:
    assert roots_read("item.a + index > size(nodes) && error.type == 'item'") == ("item", "index", "nodes", "error")
    assert roots_read("input.lines.map(item, item.price) + [compensated]") == ("input", "compensated")


class TestTemplates:
    def test_are_found_in_document_order(self) -> None:
        document = {"a": ["${1}", {"b": "x ${2}"}, "plain"], "c": "${3}", "${4}": 5}
        assert list(templates_in(document)) == [(("a", 0), "${1}"), (("a", 1, "b"), "x ${2}"), (("c",), "${3}")]

    def test_are_found_however_deep(self) -> None:
        document: object = "${ input }"
        for _ in range(2_000):
            document = [document]
        ((place, template),) = templates_in(document)
        assert (len(place), template) == (2_000, "${ input }")
