"""Export of a run to files for other runtimes, with proof that they still work.

`graphs` make the exported graph, one module a format writes it, `parity` compares it in its own runtime.
"""
