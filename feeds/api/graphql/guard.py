"""What one GraphQL request may ask for, measured before anything is validated or loaded.

A short document can ask for very much: by nesting lists in lists, by spreading a fragment twice
inside another, by ten thousand aliases. The measure walks the document the way an answer would be
put together, with everything that stands under one name merged, and keeps what it has measured:
so the walk is short where the answer would be endless.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
)
from graphql.utilities import value_from_ast_untyped

from feeds.api.graphql.errors import Fault

MOST_TOKENS = 10_000  # words and signs of a document
MOST_DEFINITIONS = 100  # operations and fragments of a document
MOST_LEVELS = 20  # of nesting; the query of query editors for the schema has 16
MOST_POINTS = 50_000  # about as many values an answer may hold
MOST_MUTATIONS = 100  # of a request
MOST_STEPS = 50_000  # of the measure itself
MOST_PAIRS = 50_000  # fields under one name, which validation compares each with each

CATALOGUE_LEVEL = 2  # { compass { here } }
QUERY_POINTS = 50  # each of the catalogue's queries asks the database
MUTATION_POINTS = 400
EVENTS_POINTS = 10
PAGED = {"searchComponents": 200, "events": 100}  # and the most that `first` may be
PAGE_SIZE = 25
#: How long other lists are taken to be; those of the schema itself are as they are.
LENGTHS = {
    "eventSources": 20, "links": 10, "labels": 5, "externalAliases": 5,
    "types": 200, "fields": 2, "inputFields": 1, "enumValues": 1, "possibleTypes": 1,
}  # fmt: skip


@dataclass
class Measure:
    """Measures one operation; raises GraphQLError when it asks for too much."""

    fragments: dict[str, FragmentDefinitionNode]
    variables: dict[str, Any]
    operation: OperationDefinitionNode
    steps: int = 0
    pairs: int = 0
    known: dict[tuple[int, ...], tuple[int, int]] = field(default_factory=dict)

    def points(self) -> int:
        """Return how many values the answer may hold."""
        return self._weigh([self.operation.selection_set], 1)[0]

    def _weigh(self, sets: Sequence[SelectionSetNode], level: int) -> tuple[int, int]:
        """Return the points and the levels of SETS, which are selected under one name."""
        if level > MOST_LEVELS:
            raise _too_much("the query nests too deep", MOST_LEVELS, level)
        key = tuple(id(selection) for selection in sets)
        if key not in self.known or level <= CATALOGUE_LEVEL:
            self.known[key] = self._weigh_anew(sets, level)
        points, levels = self.known[key]
        if level + levels > MOST_LEVELS + 1:
            raise _too_much("the query nests too deep", MOST_LEVELS, level + levels - 1)
        return points, levels

    def _weigh_anew(self, sets: Sequence[SelectionSetNode], level: int) -> tuple[int, int]:
        fields = self._by_name(sets)
        points = levels = 0
        if level == CATALOGUE_LEVEL and self._mutates and len(fields) > MOST_MUTATIONS:
            raise _too_much("the request holds too many mutations", MOST_MUTATIONS, len(fields))
        for nodes in fields.values():
            self.pairs += len(nodes) ** 2 // 2
            below = [node.selection_set for node in nodes if node.selection_set]
            inner, depth = self._weigh(below, level + 1) if below else (0, 0)
            points += self._own(nodes[0], level) + self._length(nodes) * inner
            levels = max(levels, depth)
            if points > MOST_POINTS:
                raise _too_much("the query asks for too much", MOST_POINTS, points)
            if self.pairs > MOST_PAIRS:
                raise _too_much("the query repeats fields too often", MOST_PAIRS, self.pairs)
        return points, levels + 1

    def _by_name(self, sets: Iterable[SelectionSetNode]) -> dict[str, list[FieldNode]]:
        """Return the fields that SETS select, fragments included, by their names in the answer."""
        fields: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        waiting: list[SelectionNode] = [
            selection for group in sets for selection in group.selections
        ]
        while waiting:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise _too_much("the query is too long to be measured", MOST_STEPS, self.steps)
            selection = waiting.pop()
            if isinstance(selection, FieldNode):
                name = (selection.alias or selection.name).value
                fields.setdefault(name, []).append(selection)
            elif isinstance(selection, InlineFragmentNode):
                waiting.extend(selection.selection_set.selections)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in spread:
                spread.add(selection.name.value)
                fragment = self.fragments.get(selection.name.value)
                waiting.extend(fragment.selection_set.selections if fragment else ())
        return fields

    @property
    def _mutates(self) -> bool:
        return self.operation.operation == OperationType.MUTATION

    def _own(self, node: FieldNode, level: int) -> int:
        if level == CATALOGUE_LEVEL:
            return MUTATION_POINTS if self._mutates else QUERY_POINTS
        return EVENTS_POINTS if node.name.value == "events" else 1

    def _length(self, nodes: Sequence[FieldNode]) -> int:
        """Return how many objects NODES, of one name, may answer."""
        return max(self._length_of(node) for node in nodes)

    def _length_of(self, node: FieldNode) -> int:
        name = node.name.value
        if name in PAGED:
            query = self._argument(node, "query")
            first = query.get("first") if isinstance(query, dict) else None
            wanted = first if isinstance(first, int) else PAGE_SIZE
            return min(max(wanted, 1), PAGED[name])
        if name in ("components", "componentsByReferences"):
            given = self._argument(node, "ids" if name == "components" else "references")
            return len(given) if isinstance(given, list) else 1
        if name == "eventSources":
            return max(settings.SOURCES_PER_COMPONENT, 1)
        return LENGTHS.get(name, 1)

    def _argument(self, node: FieldNode, name: str) -> Any:
        for argument in node.arguments or ():
            if argument.name.value == name:
                return _value(argument.value, self.variables)
        return None


def _value(node: ValueNode, variables: dict[str, Any] | None = None) -> Any:
    try:
        return value_from_ast_untyped(node, variables)
    except ValueError:  # an integer of more digits than Python reads; validation refuses it
        return None


def check(
    document: DocumentNode, operation: OperationDefinitionNode, variables: dict[str, Any]
) -> None:
    """Refuse OPERATION of DOCUMENT if it asks for too much; raises GraphQLError."""
    count = len(document.definitions)
    if count > MOST_DEFINITIONS:
        raise _too_much("the document defines too much", MOST_DEFINITIONS, count)
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    defaults = {
        definition.variable.name.value: _value(definition.default_value)
        for definition in operation.variable_definitions or ()
        if definition.default_value
    }
    Measure(fragments, {**defaults, **variables}, operation).points()


def _too_much(what: str, limit: int, cost: int) -> GraphQLError:
    fault = Fault(f"{what}: {cost}, and the limit is {limit}", "QUERY_TOO_COMPLEX")
    answer = fault.at_top("QueryTooComplex", limit=limit, cost=cost)
    return GraphQLError(fault.message, extensions=answer["extensions"])
