"""From finished runs to tables: plain Python, quick to start, without PyTorch."""
