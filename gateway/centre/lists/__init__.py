"""Lists as Excel and CSV: read with bounds, understood by their headings, checked, taken, and written out again."""
