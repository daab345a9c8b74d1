"""A PostgreSQL for each process of the tests that asks for one, emptied for every test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine

from tests.alerts.cluster import cluster


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    with cluster() as url:
        yield url


@pytest.fixture
def postgresql(postgresql_server: str) -> str:
    engine = create_engine(postgresql_server)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    engine.dispose()
    return postgresql_server
