"""Looking inside a model: activations, saliency, curves and statistics."""
