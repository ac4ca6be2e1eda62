"""Where attention goes: places in a block, stages, starts, and what is refused."""
