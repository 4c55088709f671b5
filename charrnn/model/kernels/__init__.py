"""Machine code for the CPU: a step's symbolic graph becomes vector loops and matrix products, compiled by LLVM.

From the bottom up:

- `emit`: the vocabulary that every kernel is written in (loops, vectors, memory, sums);
- `jit`: compile an LLVM module for the host processor; `functions`: exp, tanh and sigmoid on vectors;
  `scalars`: one PyTensor scalar Op as vector instructions;
- `sums`, `rowsum`, `program`: put a step's graph in order, as maps, products and row sums;
- `loop`: run a program over time, as one compiled function; `writing`: the same, each step drawing the next input;
- `product`: a small matrix product for the time loop; `matmul`, `rows`, `elementwise`, `nade`: the work outside it;
- `threads`: split the batch over cores; `memory`: keep freed memory for the next step.
"""
