"""The other end of every wire, and people to swipe."""
