"""One file per kind of input data: how it is read, batched and fed to a backbone."""
