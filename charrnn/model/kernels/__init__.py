"""Machine code for the CPU: a step's symbolic graph becomes vector loops and matrix products, compiled by Numba's LLVM.

The road from a graph to a running kernel:

- `jit`: host processor, LLVM module to callable;
- `functions`: exp, tanh and the like on vectors;
- `scalars`: one PyTensor scalar Op to vector instructions;
- `product`: a register-blocked matrix product that adds to what is there;
- `sums`, `program`: a step's graph put in order, as maps and products;
- `loop`: a program run over time, as one compiled function; `writing`: one that draws its next input;
- `elementwise`, `rows`, `matmul`: what there is to compute outside of the time loop;
- `threads`: the batch split over cores; `memory`: arrays that are not cleared anew at every step.
"""
