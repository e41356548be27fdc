"""Runs real client applications through `dbproof watch` and judges what it found."""
