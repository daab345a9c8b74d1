"""The table of planted faults fits the tree it is of: each can be planted, and the test that catches it exists.

That each really is caught takes minutes, and is `python -m tests.mutations`' matter.
"""

import ast

import pytest

from tests.mutations import FAULTS, ROOT, Fault, planted, table


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_can_be_planted_in_one_place_and_leaves_python_that_compiles(fault: Fault) -> None:
    faulty = planted(fault)
    compile(faulty, fault.file, "exec")
    assert faulty != (ROOT / fault.file).read_text(encoding="utf-8")


@pytest.mark.parametrize("node_id", sorted({fault.test for fault in FAULTS}))
def test_each_test_that_is_to_catch_a_fault_exists(node_id: str) -> None:
    file, _, name = node_id.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_faults_have_names_of_their_own_and_are_at_least_eighteen() -> None:
    names = [fault.name for fault in FAULTS]
    assert len(set(names)) == len(names) >= 18


def test_the_readme_of_the_tests_holds_the_table_of_faults() -> None:
    assert table() in (ROOT / "tests/README.md").read_text(encoding="utf-8")
