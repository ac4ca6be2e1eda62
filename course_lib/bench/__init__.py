"""How long networks take side by side, and how near that is to what the machine can.

timing: the clock, and rounds in shuffled order. cases: the networks and their steps.
bytes_moved: what a step reads, writes and computes, counted. plans: the bytes of
operations that share passes. roofline: the machine's two ceilings. running: the whole
measurement, round by round. record: its files, table and ratios. figure: the picture.
"""
