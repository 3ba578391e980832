"""What an output means, and how it is scored."""
