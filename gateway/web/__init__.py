"""Pages: what both consoles share, and the pages and API of the centre."""
