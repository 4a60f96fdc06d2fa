"""The command line ``biasfree``; each command has its own module, loaded when it runs."""
