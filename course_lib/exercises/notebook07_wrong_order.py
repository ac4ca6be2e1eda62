"""Known-wrong answers to the exercises of notebook 07: the order of an epoch."""

from course_lib.exercises.exercise import WrongAnswer

MIXED = "np.random.SeedSequence((seed, epoch)).generate_state(1)[0]"
DRAW = """generator = torch.Generator().manual_seed(int(mixed))
    return torch.randperm(images, generator=generator)"""
PERM = "return torch.randperm(images, generator=generator)"

ORDER = (
    WrongAnswer(
        "both numbers as one seed",
        "manual_seed(int(mixed))",
        "manual_seed((seed, epoch))",
        "runs",
        "manual_seed takes one integer. Mix the two numbers into one first.",
    ),
    WrongAnswer(
        "NumPy's integer",
        "manual_seed(int(mixed))",
        "manual_seed(mixed)",
        "runs",
        "manual_seed wants Python's own integer, and this one is NumPy's: int(mixed).",
    ),
    WrongAnswer(
        "an array, not a number",
        f"{MIXED}\n    generator = torch.Generator().manual_seed(int(mixed))",
        "np.random.SeedSequence((seed, epoch)).generate_state(1)\n"
        "    generator = torch.Generator().manual_seed(mixed)",
        "runs",
        "generate_state(1) is an array with one entry. Take the entry out, [0], then "
        "make it Python's integer: int().",
    ),
    WrongAnswer(
        "the SeedSequence itself",
        MIXED,
        "np.random.SeedSequence((seed, epoch))",
        "runs",
        "A SeedSequence is no number yet. Ask it for one: .generate_state(1)[0].",
    ),
    WrongAnswer(
        "a list",
        PERM,
        "return torch.randperm(images, generator=generator).tolist()",
        "runs",
        "A list came back. torch.randperm makes a tensor: return it as it is.",
    ),
    WrongAnswer(
        "a NumPy array",
        PERM,
        "return torch.randperm(images, generator=generator).numpy()",
        "runs",
        "A NumPy array came back, and the batches take a tensor: torch.randperm, or "
        "torch.from_numpy.",
    ),
    WrongAnswer(
        "no whole numbers",
        PERM,
        "return torch.randperm(images, generator=generator).float()",
        "runs",
        "These are places in a list, so whole numbers: leave randperm's int64.",
    ),
    WrongAnswer(
        "one image short",
        "randperm(images,",
        "randperm(images - 1,",
        "shape",
        "One image is missing. torch.randperm(n) already runs from 0 to n - 1.",
    ),
    WrongAnswer(
        "drawn with repeats",
        PERM,
        "return torch.randint(0, images, (images,), generator=generator)",
        "range",
        "randint draws with repeats: some images come twice, a third never. An order "
        "is torch.randperm.",
    ),
    WrongAnswer(
        "counted from 1",
        PERM,
        "return 1 + torch.randperm(images, generator=generator)",
        "range",
        "Images are counted from 0: the last index lies beyond the end.",
    ),
    WrongAnswer(
        "never shuffled",
        PERM,
        "return torch.arange(images)",
        "shuffled",
        "The images come as they lie on the disk, in every epoch. Draw a permutation.",
    ),
    WrongAnswer(
        "turned, not shuffled",
        PERM,
        "return torch.arange(images).roll(int(mixed % images))",
        "shuffled",
        "The order is only turned: neighbours stay neighbours, so batches hardly "
        "change. Draw a permutation.",
    ),
    WrongAnswer(
        "seed not reset",
        PERM,
        "return torch.randperm(images)",
        "same again",
        "The order comes from torch's global random numbers, so it depends on all that "
        "was drawn before, such as the weights of a gate. Give randperm your "
        "generator.",
    ),
    WrongAnswer(
        "NumPy's global numbers",
        PERM,
        "return torch.from_numpy(np.random.permutation(images))",
        "same again",
        "The order comes from NumPy's global random numbers, which anybody may have "
        "moved on. Draw from the generator you seeded.",
    ),
    WrongAnswer(
        "seeded from the global state",
        f"mixed = {MIXED}",
        "mixed = torch.initial_seed() + 1000003 * seed + epoch",
        "same again",
        "torch.initial_seed() is whatever somebody set last. The two numbers given "
        "are enough.",
    ),
    WrongAnswer(
        "the same order in every epoch",
        "SeedSequence((seed, epoch))",
        "SeedSequence((seed, 0))",
        "epochs differ",
        "The epoch has no say, so the same images meet in every epoch. Mix it in.",
    ),
    WrongAnswer(
        "the same order for every seed",
        "SeedSequence((seed, epoch))",
        "SeedSequence((0, epoch))",
        "seeds differ",
        "The seed has no say, so all repeats see one order, and the spread between "
        "seeds comes out too small. Mix it in.",
    ),
    WrongAnswer(
        "multiplied",
        MIXED,
        "seed * epoch",
        "epochs differ",
        "seed * epoch is 0 in every epoch of seed 0. Mix the two, do not multiply.",
    ),
    WrongAnswer(
        "seed plus epoch",
        MIXED,
        "seed + epoch",
        "runs never meet",
        "seed + epoch: seed 1 repeats the orders of seed 0, one epoch later, so the "
        "repeats are not independent. Mix the two: SeedSequence((seed, epoch)).",
    ),
    WrongAnswer(
        "room for 100 epochs",
        MIXED,
        "100 * seed + epoch",
        "runs never meet",
        "100 * seed + epoch: epoch 150 of seed 0 is epoch 50 of seed 1. REU trained "
        "150. Mix the two, or leave far more room.",
    ),
    WrongAnswer(
        "joined as text",
        MIXED,
        'f"{seed}{epoch}"',
        "runs never meet",
        "Written side by side, 0 and 150 are 150, and so are 1 and 50. Mix the "
        "numbers: SeedSequence((seed, epoch)).",
    ),
    WrongAnswer(
        "bits of both exchanged",
        MIXED,
        "seed ^ epoch",
        "runs never meet",
        "^ gives one number for (1, 2) and (2, 1), and 0 for all equal pairs. Mix the "
        "two: SeedSequence((seed, epoch)).",
    ),
    WrongAnswer(
        "the global seed set anew",
        DRAW,
        """torch.manual_seed(int(mixed))
    return torch.randperm(images)""",
        "global numbers stay",
        "torch.manual_seed restarts everybody's random numbers: dropout would repeat "
        "itself each epoch. Seed a torch.Generator of your own.",
    ),
    WrongAnswer(
        "NumPy's seed set anew",
        DRAW,
        """np.random.seed(int(mixed))
    return torch.from_numpy(np.random.permutation(images))""",
        "global numbers stay",
        "np.random.seed restarts everybody's NumPy numbers. Seed a generator of your "
        "own: torch.Generator().",
    ),
    WrongAnswer(
        "Python's seed set anew",
        DRAW,
        """import random

    random.seed(int(mixed))
    return torch.tensor(random.sample(range(images), images))""",
        "global numbers stay",
        "random.seed restarts everybody's random numbers in Python. Seed a generator "
        "of your own: torch.Generator().",
    ),
    WrongAnswer(
        "a number drawn on the side",
        DRAW,
        """generator = torch.Generator().manual_seed(int(mixed))
    torch.rand(1)
    return torch.randperm(images, generator=generator)""",
        "global numbers stay",
        "A number is drawn from torch's global ones, so the caller's next draw is "
        "another one. Draw from the generator alone.",
    ),
)
