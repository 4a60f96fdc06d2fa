"""The findings of ``biasfree doctor``."""

import httpx

from biasfree_client import Denoiser
from biasfree_client.cli.doctor import examine


def test_a_model_without_a_file_has_no_empty_parentheses(service):
    """Classical methods have no SHA-256 to show."""
    listed = [{"name": "gray", "version": "2", "sha256": "ab" * 32}, {"name": "wiener", "version": "1", "sha256": None}]
    service.answer = lambda _: httpx.Response(200, json=listed)
    found = {each.name: each.detail for each in examine(Denoiser(transport=service.transport), None)}
    assert found["models"] == "gray 2 (abababab), wiener 1"
