"""Import posts from a file: read and check its lines, find the pictures, write batches."""
