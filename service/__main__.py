"""``python -m service``. Imports nothing at its top: the analysis process runs this file too, under another name."""

if __name__ == "__main__":
    from service.command import main

    main()
