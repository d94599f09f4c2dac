"""What the tests of who hears a tower share."""

import pytest

from tests.uplink.mosquitto import Mosquitto


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A real one that keeps nothing."""
    made = Mosquitto(tmp_path_factory.mktemp("broker"), "persistence false")
    yield made
    made.kill()
