"""Posts out of a file: reading and checking its lines, finding the pictures, writing batches."""
