"""Certificates for the servers of these tests."""

import pytest

from tests.http.server import Certificates


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))
