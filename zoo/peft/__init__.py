"""Parameter-efficient fine-tuning of a pretrained backbone: LoRA, AdaLoRA, adapters, bias, norm, SSF.

The pretrained weights stay unchanged and can be shared by many tasks; the result of training is a small file
(`delta`), or is merged into a plain model (`merge`). `zoo` exports the functions.
"""
