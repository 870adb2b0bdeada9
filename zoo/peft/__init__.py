"""Adapt a pretrained backbone by few new parameters, beside freezing it: LoRA, AdaLoRA, adapters, bias, norm, SSF.

The pretrained weights stay as they are and can be shared by many tasks; what a task learned is a small file
(`delta`), or is folded into a plain model (`merging`). The functions are handed out by `zoo` itself.
"""
