"""The answer to an analyze call: the Jacobian of the network at a patch, decomposed.

``A`` is the Jacobian at the noisy patch ``y`` of N values, ``A = U S V^T``. Shape letters: C channels, P x Q the patch,
K singular values that are known, V singular vectors that were asked for, F equivalent filters.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Iterator, KeysView, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from biasfree_client._errors import UnexpectedResponse
from biasfree_client._headers import Model, read_model, read_timing
from biasfree_client._image import AnyArray
from biasfree_client._response import expect_success
from biasfree_client._save import save

if TYPE_CHECKING:
    import httpx
    from matplotlib.figure import Figure

NPZ = "application/x-npz"
_REQUIRED = ("singular_values", "left", "right", "indices", "effective_dimensionality", "noisy", "denoised")


@dataclass(frozen=True)
class Analysis:
    """What the network did to one patch.

    Args:
        content: The NPZ file as it came.
        arrays: Everything in it by name, as ``docs/analysis.md`` of the service explains it.
        model: The model that was analysed.
        request_id: The id in the service's logs.
        timing: Milliseconds by stage (``decode``, ``analyze``).
    """

    content: bytes = field(repr=False)
    arrays: Mapping[str, AnyArray] = field(repr=False, compare=False)
    model: Model | None = None
    request_id: str | None = None
    timing: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read what ``save`` wrote.

        Raises:
            UnexpectedResponse: The file is no analysis.
            OSError: It cannot be read.
        """
        content = Path(path).read_bytes()
        arrays = _arrays(content)
        names = ("model.name", "model.version", "model.sha256")
        named = [str(arrays[name]) if name in arrays else None for name in names]
        request_id = str(arrays["request_id"]) if "request_id" in arrays else None
        return cls(content, arrays, Model(named[0], *named[1:]) if named[0] else None, request_id)

    @property
    def singular_values(self) -> AnyArray:
        """s_1 >= s_2 >= ... (K,): all N of a dense analysis, the largest of an iterative one."""
        return self.arrays["singular_values"]

    @property
    def u(self) -> AnyArray:
        """Left singular vectors (V, C, P, Q), what is given back: the first k and, where all are known, the last k."""
        return self.arrays["left"]

    @property
    def v(self) -> AnyArray:
        """Right singular vectors (V, C, P, Q), what is looked for; ``u`` and ``v`` belong together."""
        return self.arrays["right"]

    @property
    def indices(self) -> AnyArray:
        """Places of ``u`` and ``v`` in ``singular_values`` (V,), counted from 0."""
        return self.arrays["indices"]

    @property
    def symmetry(self) -> AnyArray:
        """u_i . v_i (K,): 1 where the picture that is found is given back."""
        return self.arrays["symmetry"]

    @property
    def effective_dimensionality(self) -> float:
        """d = sum of s_i^2: of how many dimensions the space is that the patch is projected on."""
        return float(self.arrays["effective_dimensionality"])

    @property
    def trace(self) -> float:
        """tr A."""
        return float(self.arrays["trace"])

    @property
    def sigma(self) -> float:
        """Estimated noise level of the patch, 0-255 scale; for independent Gaussian noise only."""
        return float(self.arrays["sigma_estimate"])

    @property
    def noisy(self) -> AnyArray:
        """The noisy patch y (C, P, Q), in the image's own intensities."""
        return self.arrays["noisy"]

    @property
    def denoised(self) -> AnyArray:
        """The denoised patch f(y) (C, P, Q)."""
        return self.arrays["denoised"]

    @property
    def filters(self) -> AnyArray:
        """Equivalent filters (F, C, P, Q): rows of A; ``arrays["filter_pixels"]`` says whose."""
        return self.arrays["filters"]

    @property
    def method(self) -> str:
        """``dense`` or ``iterative``."""
        return str(self.arrays["method"])

    def __getitem__(self, name: str) -> AnyArray:
        """Anything by its name: ``analysis["asymmetry"]``, ``analysis["patch.x"]``."""
        return self.arrays[name]

    def __contains__(self, name: object) -> bool:
        """Whether there is anything of that name."""
        return name in self.arrays

    def __iter__(self) -> Iterator[str]:
        """All names."""
        return iter(self.arrays)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.arrays)

    def keys(self) -> KeysView[str]:
        """All names; with them ``dict(analysis)`` has everything."""
        return self.arrays.keys()

    def plot(self) -> Figure:
        """Draw the patch, its spectrum and its singular vectors.

        Raises:
            MissingLibrary: matplotlib is not installed.
        """
        from biasfree_client._plot import draw

        return draw(self)

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the arrays as an NPZ file, whole or not at all; ``load`` and ``numpy.load`` read it.

        Raises:
            FileExistsError: The file is there, and ``overwrite`` is not set.
        """
        return save(self.content, path, overwrite=overwrite)


def read_analysis(response: httpx.Response) -> Analysis:
    """Read the answer to ``POST /v1/analyze``, asked for as NPZ.

    Raises:
        ProblemError: The service refused or failed.
        UnexpectedResponse: The answer is neither an NPZ file nor a problem.
    """
    expect_success(response, NPZ)
    return Analysis(
        content=response.content,
        arrays=_arrays(response.content),
        model=read_model(response.headers),
        request_id=response.headers.get("X-Request-Id"),
        timing=read_timing(response.headers),
    )


def _arrays(content: bytes) -> dict[str, Any]:
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = dict(archive)
    except (ValueError, OSError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as exc:
        raise UnexpectedResponse(f"expected an analysis in NPZ format, got {len(content)} other bytes") from exc
    if missing := [name for name in _REQUIRED if name not in arrays]:
        raise UnexpectedResponse(f"expected an analysis, got an NPZ file without {', '.join(missing)}")
    return arrays
