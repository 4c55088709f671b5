"""Models as PyTensor expressions: cells, the recurrence, networks, losses, optimizers, and the engines that run them.

Knows nothing of files. `model.Model` puts it together; `recurrence` and `kernels` are what makes it fast.
"""
