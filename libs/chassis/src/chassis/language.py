"""The language of graphs, as this product speaks it: CEL, templates around it, JSON Schema."""

from chassis import expressions, schemas, templates
from contracts.language import Language

CEL = Language(
    check_expression=expressions.check,
    check_condition=expressions.check_condition,
    check_template=templates.check,
    check_schema=schemas.check_schema,
)
"""Hand it to `contracts.graph_rules.problems_of`."""
