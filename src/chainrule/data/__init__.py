"""From data as people have them to arrays, and from arrays to mini-batches."""
