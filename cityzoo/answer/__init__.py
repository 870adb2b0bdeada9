"""Answer questions from stored passages: found by words and meaning, returned as they are, or "I do not know"."""
