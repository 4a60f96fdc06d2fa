"""A local server of files to download."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from training.data.sources import RemoteFile


@dataclass
class Server:
    """A served folder, and the paths that were requested."""

    folder: Path
    url: str
    requests: list[str] = field(default_factory=list)

    def offer(self, name: str, content: bytes, *, checksum: str | None = "right") -> RemoteFile:
        """Serve a file; ``right`` stands for its real SHA-256."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_bytes(content)
        right = f"sha256:{hashlib.sha256(content).hexdigest()}"
        return RemoteFile(name, f"{self.url}/{name}", right if checksum == "right" else checksum)


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder on a free port of the loopback interface."""

    class Handler(SimpleHTTPRequestHandler):
        def log_request(self, *_: object) -> None:
            served.requests.append(self.path)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as http:
        served = Server(folder, f"http://127.0.0.1:{http.server_port}")
        thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        http.shutdown()
        thread.join()
