"""The entry point of ``python -m service``.

It imports nothing at module level because the analysis process runs this file too, under another name.
"""

if __name__ == "__main__":
    import os
    import signal

    # Until the server handles it itself. As process 1 of a container nothing would end it otherwise.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

    from service.command import main

    main()
