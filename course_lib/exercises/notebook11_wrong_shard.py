"""Known-wrong answers to notebook 11's shard_indices."""

from course_lib.exercises.exercise import WrongAnswer

RETURN = "return order[rank::ranks]"
DRAWN = "torch.randperm(count, generator=generator)"
LAST_LINES = f"order = {DRAWN}  # (count,), equal everywhere\n    {RETURN}"

SHARD = (
    WrongAnswer(
        "epoch never used",
        "manual_seed(seed + epoch)",
        "manual_seed(seed)",
        "epochs differ",
        "The epoch is never used, so every epoch has the order of the first: what "
        "happens when set_epoch is forgotten. Seed with seed + epoch.",
    ),
    WrongAnswer(
        "padded with repeats",
        RETURN,
        "order = torch.cat([order, order[: -count % ranks]])\n    " + RETURN,
        "every image once",
        "The order is filled up with repeats until all processes have equally many: "
        "those images count twice in an evaluation. Leave the shards unequal.",
    ),
    WrongAnswer(
        "tail dropped",
        RETURN,
        "return order[: count // ranks * ranks][rank::ranks]",
        "every image once",
        "The images that do not divide evenly are dropped. Leave the shards unequal.",
    ),
    WrongAnswer(
        "an order for each process",
        "manual_seed(seed + epoch)",
        "manual_seed(seed + epoch + rank)",
        "every image once",
        "Each process draws an order of its own, so shards overlap. The seed must not "
        "depend on rank.",
    ),
    WrongAnswer(
        "everything for everybody",
        RETURN,
        "return order",
        "every image once",
        "Every process takes all images. Take each ranks-th one: order[rank::ranks].",
    ),
    WrongAnswer(
        "rank not used",
        RETURN,
        "return order[::ranks]",
        "every image once",
        "All processes take the shard of process 0. Start at rank: order[rank::ranks].",
    ),
    WrongAnswer(
        "ranks counted from 1",
        RETURN,
        "return order[rank - 1 :: ranks]",
        "every image once",
        "Processes are numbered from 0, and -1 means the last place. Start at rank.",
    ),
    WrongAnswer(
        "drawn with replacement",
        DRAWN,
        "torch.randint(count, (count,), generator=generator)",
        "every image once",
        "torch.randint draws with replacement: some images come twice, some never. Use "
        "torch.randperm.",
    ),
    WrongAnswer(
        "blocks without the last images",
        RETURN,
        "return order[rank * (count // ranks) : (rank + 1) * (count // ranks)]",
        "every image once",
        "Blocks of count // ranks leave the last images out. Deal the places out: "
        "order[rank::ranks].",
    ),
    WrongAnswer(
        "blocks",
        RETURN,
        "return order.tensor_split(ranks)[rank]",
        "same batches",
        "Each process takes a block of the order. Then a batch of all processes is "
        "none that one process would see, and changes with their number. Deal the "
        "places out: order[rank::ranks].",
    ),
    WrongAnswer(
        "a fixed shard, shuffled",
        LAST_LINES,
        "own = torch.arange(count)[rank::ranks]\n"
        "    return own[torch.randperm(len(own), generator=generator)]",
        "same batches",
        "Each process shuffles a shard that never changes, so it sees the same images "
        "in every epoch. Shuffle all images first, then share them out.",
    ),
    WrongAnswer(
        "not shuffled",
        DRAWN,
        "torch.arange(count)",
        "epochs differ",
        "The images come in the order of their files. Shuffle them: torch.randperm.",
    ),
    WrongAnswer(
        "seed never used",
        "manual_seed(seed + epoch)",
        "manual_seed(epoch)",
        "seeds differ",
        "The seed is never used: all runs share one order. Seed with seed + epoch.",
    ),
    WrongAnswer(
        "seed times epoch",
        "manual_seed(seed + epoch)",
        "manual_seed(seed * epoch)",
        "seeds differ",
        "In epoch 0 the product is 0 for every seed. Add: seed + epoch.",
    ),
    WrongAnswer(
        "generator not used",
        DRAWN,
        "torch.randperm(count)",
        "same again",
        "The order comes from torch's global generator, whose state differs between "
        "processes. Pass generator=generator.",
    ),
    WrongAnswer(
        "global generator seeded",
        f"generator = torch.Generator().manual_seed(seed + epoch)\n    order = {DRAWN}",
        "torch.manual_seed(seed + epoch)\n    order = torch.randperm(count)",
        "generator of its own",
        "torch.manual_seed resets the generator that everything else draws from. Use "
        "torch.Generator().",
    ),
    WrongAnswer(
        "floating point",
        RETURN,
        "return order[rank::ranks].float()",
        "whole numbers",
        "Floating-point numbers cannot index images. Leave .float() out.",
    ),
    WrongAnswer(
        "a list",
        RETURN,
        "return order[rank::ranks].tolist()",
        "runs",
        "This is a list of Python numbers. Return the tensor itself.",
    ),
    WrongAnswer(
        "another mix of seed and epoch",
        "manual_seed(seed + epoch)",
        "manual_seed(1000 * seed + epoch)",
        "values",
        "A sound order, but not that of PyTorch's sampler, so the two cannot be "
        "compared. Seed the generator with seed + epoch.",
    ),
)
