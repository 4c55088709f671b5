"""Models as PyTensor expressions, and what runs them. Knows nothing of files.

- `model`: a model at work: network, values, compiled functions; `values`, `functions`, `inputs`: its parts;
- `network`: input stage (`stage`), stacked cells (`cells`), output layer and head (`heads`);
- `objective`, `optimizers`, `dropout`, `initial`, `warmstart`: training;
- `generator`, `choice`: writing;
- `engines`: PyTensor's virtual machine on the CPU, JAX on GPUs;
- `recurrence`, `products`, `parameters`, `kernels`: the Ops that the expressions are made of, and their machine code.
"""
