"""Lists of tasks, backbones and run folders."""
