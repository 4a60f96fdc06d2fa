"""What a model is: architectures, the one file, units of intensity. Importing this imports nothing heavy."""
