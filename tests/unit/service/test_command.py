"""The command: its arguments, and the socket that the service listens on."""

import asyncio
import socket

import pytest

from service.command import _listen, main


def test_answers_do_not_wait_for_acknowledgements() -> None:
    """asyncio switches Nagle's algorithm off, which it does only for sockets that say they are TCP."""

    async def scenario() -> int:
        found: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            found.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = _listen("127.0.0.1", 0)
        async with await asyncio.start_server(accepted, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname())
            option = await found
            writer.close()
        return option

    assert asyncio.run(asyncio.wait_for(scenario(), 30)) != 0


@pytest.mark.parametrize(
    ("argument", "code", "words"), [("--help", 0, "docs/settings.md"), ("--prot=3", 2, "--prot=3")]
)
def test_arguments_are_answered_or_refused(
    argument: str, code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is served then: an option that does nothing would be believed."""
    monkeypatch.setattr("sys.argv", ["service", argument])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == code
    printed = capsys.readouterr()
    assert words in printed.out + printed.err
