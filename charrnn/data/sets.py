"""What can be learned from, whatever it holds: the sets that give batches of B streams."""

from charrnn.data.documents.dataset import DocumentSet
from charrnn.data.music.dataset import PieceSet
from charrnn.data.text.dataset import DataSet

Streams = DataSet | DocumentSet | PieceSet
