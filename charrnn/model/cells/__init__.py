"""Recurrent cells, each one symbolic step written as in its paper; a model type is a cell and an input stage.

- `cell`: the base class, for built-in cells and for those of users;
- `builtin`: the cells that charrnn brings, one file for each family;
- `gates`, `normalise`: what these share;
- `modeltypes`: cells and input stages by name;
- `check`: a user's cell is checked before anything is built on it;
- `record`: what a working directory keeps of a user's cell.

>>> GRU().shapes(n_in=3, n_units=5)["Wz"]
(5, 5)
"""

from charrnn.model.cells.builtin.gru import GRU as GRU
from charrnn.model.cells.builtin.lstm import LSTM as LSTM
from charrnn.model.cells.builtin.rnn import RNN as RNN
from charrnn.model.cells.cell import Cell as Cell
