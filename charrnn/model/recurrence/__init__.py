"""Running a cell over time.

- `step`: a cell's step taken apart symbolically, into what can leave the time loop and what stays;
- `derivative`: the step's derivative, with every weight's gradient left for one product outside the loop;
- `op`: the recurrence as a PyTensor Op with its gradient Op (for JAX see `charrnn.model.engines.jax`);
- `reference`: the reference by plain `pytensor.scan`.

>>> import numpy as np, pytensor.tensor as pt
>>> from charrnn.model.cells import RNN
>>> from charrnn.model.recurrence import recurrence
>>> cell, p = RNN(), {"U": pt.fmatrix(shape=(3, 5)), "W": pt.fmatrix(shape=(5, 5)), "b": pt.fvector(shape=(5,))}
>>> h, = recurrence(cell, pt.ftensor3(shape=(None, None, 3)), [pt.fmatrix(shape=(None, 5))], p)
>>> h.type.shape
(None, None, 5)
"""

from charrnn.model.recurrence.op import recurrence as recurrence
from charrnn.model.recurrence.reference import scan_recurrence as scan_recurrence
