"""The file that an export writes: its folder is made, and tested, before the work."""

import tempfile
from pathlib import Path


def prepare(output: Path) -> None:
    """Create the folder of a file to write, and test that a file can be written there.

    Raises:
        ValueError: The path is a folder, or does not end in ``.onnx``.
        OSError: The folder cannot be created or written to.
    """
    if output.is_dir():
        raise ValueError(f"{output} is a folder; name a file, such as {output / 'model.onnx'}")
    if output.suffix != ".onnx":
        raise ValueError(f"the name of a model file must end in .onnx, as the service requires, not {output.name}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output.parent):
            pass
    except OSError as exc:
        raise OSError(exc.errno, f"cannot write {output.name} there: {exc.strerror}", str(output.parent)) from exc
