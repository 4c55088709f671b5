"""What can be learned from, whatever it holds: the sets that give batches of B streams."""

from charrnn.data.dataset import DataSet
from charrnn.data.documentset import DocumentSet
from charrnn.data.pieceset import PieceSet

Streams = DataSet | DocumentSet | PieceSet
