"""Known-wrong answers to the exercises of notebook 03: the module in its place."""

from course_lib.exercises.exercise import WrongAnswer

PRE = 'y = attend(x) if place == "pre" else x  # (N, Cin, H, W)'
MIX = "y = F.relu(mix(F.relu(reduce(y))))  # (N, C, H', W')"
CONV2 = 'y = attend(y) if place == "conv2" else y'
EXPAND = "y = expand(y)  # (N, 4C, H', W')"
BRANCH = 'y = attend(y) if place == "branch" else y'
PROJECT = "s = project(x)  # (N, 4C, H', W')"
IDENTITY = 's = attend(s) if place == "identity" else s'
SUM = "y = F.relu(y + s)"
POST = 'return attend(y) if place == "post" else y'


def lines(*parts: str) -> str:
    """Lines of the function's body, as they follow each other."""
    return "\n    ".join(parts)


PLACE_IN_BLOCK = (
    WrongAnswer(
        "identity before its projection",
        lines(PROJECT, IDENTITY),
        lines(
            's = attend(x) if place == "identity" else x',
            "s = project(s)",
        ),
        "runs",
        "At 'identity' the module meets x before the projection, which changes the "
        "channels. Project first, then attend.",
    ),
    WrongAnswer(
        "branch after the 3x3",
        CONV2,
        'y = attend(y) if place in ("conv2", "branch") else y',
        "runs",
        "At 'branch' the module sits after the 3x3, where RegNet of pycls has its SE. "
        "'branch' comes after expand, with 4C channels.",
    ),
    WrongAnswer(
        "conv2 after the last layer",
        lines(CONV2, EXPAND),
        lines(EXPAND, CONV2),
        "runs",
        "At 'conv2' a module for C channels meets 4C, as in mmdetection's thread 10190 "
        "(`planes` for `planes * 4`). Call attend before expand.",
    ),
    WrongAnswer(
        "pre after the first layer",
        lines(PRE, MIX),
        lines(
            "y = reduce(x)",
            'y = attend(y) if place == "pre" else y',
            "y = F.relu(mix(F.relu(y)))",
        ),
        "runs",
        "At 'pre' the module meets the output of the first layer. 'pre' is x itself, "
        "with Cin channels.",
    ),
    WrongAnswer(
        "shortcut not projected",
        PROJECT,
        "s = x",
        "runs",
        "The shortcut is x itself, which does not fit where channels or stride change. "
        "Use project(x).",
    ),
    WrongAnswer(
        "shortcut from the branch",
        PROJECT,
        "s = project(y)",
        "runs",
        "The shortcut starts from x, not from y: project(x).",
    ),
    WrongAnswer(
        "pre everywhere",
        PRE,
        "y = attend(x)",
        "runs",
        "At 'branch' the module already meets x. Each line needs its own "
        "`if place ==` and name.",
    ),
    WrongAnswer(
        "branch everywhere",
        BRANCH,
        "y = attend(y)",
        "runs",
        "The module acts at another place as well, here with 4C channels. Each line "
        "needs its own `if place ==` and name.",
    ),
    WrongAnswer(
        "averaged over the map",
        SUM,
        "y = F.relu(y + s).mean(dim=(2, 3), keepdim=True)",
        "shape",
        "The maps are averaged away. A block returns maps (N, 4C, H', W'); only the "
        "classifier averages.",
    ),
    WrongAnswer(
        "cast to float32",
        SUM,
        "y = F.relu(y + s).float()",
        "dtype and device",
        "The result is forced to float32. Remove .float(): torch keeps the input's "
        "type.",
    ),
    WrongAnswer(
        "ReLU on the branch before the module",
        BRANCH,
        'y = attend(F.relu(y)) if place == "branch" else y',
        "plain block",
        "A ReLU stands before the module, as in pytorch-cifar100 (issue 75): the "
        "branch can only add. Attend to expand's output as it is.",
    ),
    WrongAnswer(
        "no ReLU after the sum",
        SUM,
        "y = y + s",
        "plain block",
        "The ReLU after the sum is missing: F.relu(y + s).",
    ),
    WrongAnswer(
        "no ReLU after the 1x1",
        MIX,
        "y = F.relu(mix(reduce(y)))",
        "plain block",
        "The ReLU between reduce and mix is missing: F.relu(reduce(y)).",
    ),
    WrongAnswer(
        "no ReLU after the 3x3",
        MIX,
        "y = mix(F.relu(reduce(y)))",
        "plain block",
        "The ReLU after mix is missing: put F.relu around mix.",
    ),
    WrongAnswer(
        "no inner ReLU",
        MIX,
        "y = mix(reduce(y))",
        "plain block",
        "Both inner ReLUs are missing: one after reduce, one after mix.",
    ),
    WrongAnswer(
        "multiplied again",
        BRANCH,
        'y = y * attend(y) if place == "branch" else y',
        "plain block",
        "attend already returns the gated map. Do not multiply again.",
    ),
    WrongAnswer(
        "shortcut forgotten",
        SUM,
        "y = F.relu(y)",
        "plain block",
        "The shortcut is never added. Return F.relu(y + s).",
    ),
    WrongAnswer(
        "module's output added",
        BRANCH,
        'y = y + attend(y) if place == "branch" else y',
        "plain block",
        "The module's output is added to what it got. It replaces it: y = attend(y).",
    ),
    *(
        WrongAnswer(
            f"no line for {place}",
            line,
            plain,
            "closed gate",
            f"At {place!r} the module never acts: is its line missing?",
        )
        for place, line, plain in (
            ("branch", BRANCH, "pass"),
            ("pre", PRE, "y = x"),
            ("post", POST, "return y"),
            ("identity", IDENTITY, "pass"),
            ("conv2", CONV2, "pass"),
        )
    ),
    WrongAnswer(
        "pre gates the shortcut too",
        PRE,
        'y = x = attend(x) if place == "pre" else x',
        "closed gate",
        "At 'pre' x itself is overwritten, so the shortcut is gated as well. Give the "
        "attended map another name, y.",
    ),
    WrongAnswer(
        "conv2 before the 3x3",
        lines(MIX, CONV2),
        lines(
            "y = F.relu(reduce(y))",
            'y = attend(y) if place == "conv2" else y',
            "y = F.relu(mix(y))",
        ),
        "closed gate",
        "At 'conv2' the module acts before the 3x3, whose channels are the same. "
        "Attend after mix and its ReLU.",
    ),
    WrongAnswer(
        "post on the branch",
        lines(SUM, POST),
        lines('y = attend(y) if place == "post" else y', "return F.relu(y + s)"),
        "closed gate",
        "At 'post' the module gets the branch alone. It comes after the sum and its "
        "ReLU.",
    ),
    WrongAnswer(
        "branch and identity swapped",
        lines(BRANCH, PROJECT, IDENTITY),
        lines(
            'y = attend(y) if place == "identity" else y',
            "s = project(x)",
            's = attend(s) if place == "branch" else s',
        ),
        "closed gate",
        "'branch' and 'identity' are swapped. The branch is what the three layers "
        "make, the identity is the shortcut.",
    ),
    WrongAnswer(
        "identity on both",
        SUM,
        'y = F.relu((attend(y) if place == "identity" else y) + s)',
        "closed gate",
        "At 'identity' the module acts on the branch too. It acts on the shortcut "
        "alone.",
    ),
    WrongAnswer(
        "a misspelt place passes",
        'check_choice("place", place, PLACES)\n',
        "\n",
        "misspelt place",
        "An unknown place leaves the block plain without a word, and the run would be "
        'called SE. Begin with check_choice("place", place, PLACES).',
    ),
    WrongAnswer(
        "post before the last ReLU",
        lines(SUM, POST),
        lines(
            "y = y + s",
            'y = attend(y) if place == "post" else y',
            "return F.relu(y)",
        ),
        "values",
        "At 'post' the module acts before the last ReLU. It acts after it.",
    ),
    WrongAnswer(
        "conv2 before its ReLU",
        lines(MIX, CONV2),
        lines(
            "y = mix(F.relu(reduce(y)))",
            'y = attend(y) if place == "conv2" else y',
            "y = F.relu(y)",
        ),
        "values",
        "At 'conv2' the module acts before the ReLU of the 3x3. It acts after it.",
    ),
    WrongAnswer(
        "attended twice",
        BRANCH,
        'y = attend(attend(y)) if place == "branch" else y',
        "values",
        "At 'branch' the module is applied twice. Call attend once for each place.",
    ),
    WrongAnswer(
        "module detached",
        BRANCH,
        'y = attend(y).detach() if place == "branch" else y',
        "gradients",
        "What the module returns is cut off by .detach() or .data: the branch never "
        "learns. Remove it.",
    ),
    WrongAnswer(
        "detached at post",
        POST,
        'return attend(y.detach()) if place == "post" else y',
        "gradients",
        "At 'post' the module gets a detached map: nothing before it learns. Remove "
        ".detach() or .data.",
    ),
    WrongAnswer(
        "sum written into x",
        SUM,
        "y = F.relu(s.add_(y))",
        "input not modified",
        "Where the shortcut is x itself, += or add_ overwrites the caller's x. Write "
        "y + s.",
    ),
)
