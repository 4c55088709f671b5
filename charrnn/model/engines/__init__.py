"""The engines that run a model's expressions.

PyTensor builds, differentiates and simplifies the expressions for every engine.

- `engine`: names of the engines, and compiling for one of them;
- `cpu`: PyTensor's virtual machine, over a few Ops whose kernels llvmlite compiles;
- `jax`: whole graphs compiled by JAX, on GPUs and elsewhere.

A module of an engine has ``compile_function`` and ``writer``, as `engine` describes them.
"""
