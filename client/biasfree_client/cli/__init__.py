"""The command line ``biasfree``: each command in a module of its own, loaded when it runs."""
