"""From bytes or cards to CardRead, from a verdict to a relay. Knows nothing of residents."""
