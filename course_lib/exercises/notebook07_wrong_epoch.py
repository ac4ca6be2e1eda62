"""Known-wrong answers to the exercises of notebook 07: choosing an epoch."""

from course_lib.exercises.exercise import WrongAnswer

TEST = 'if row["val_accuracy"] > best["val_accuracy"]:  # a tie keeps the earlier'
BODY = f"""best = history[0]
    for row in history[1:]:
        {TEST}
            best = row
    return best["epoch"]"""
RETURN = 'return best["epoch"]'

CHOOSE_EPOCH = (
    WrongAnswer(
        "rows read as numbers",
        BODY,
        "return max(history)",
        "runs",
        "Two rows cannot be compared as they are. Compare their val_accuracy.",
    ),
    WrongAnswer(
        "the row itself",
        RETURN,
        "return best",
        "runs",
        'The whole row came back. Return its number: best["epoch"].',
    ),
    WrongAnswer(
        "the accuracy, not the epoch",
        RETURN,
        'return best["val_accuracy"]',
        "an epoch",
        'This is the highest accuracy. The question is when: best["epoch"].',
    ),
    WrongAnswer(
        "place in the list",
        RETURN,
        "return history.index(best)",
        "an epoch",
        "A place counts from 0, an epoch from 1, and after a resume from later: "
        'return best["epoch"].',
    ),
    WrongAnswer(
        "place in the list plus one",
        RETURN,
        "return history.index(best) + 1",
        "an epoch",
        "place + 1 is the epoch only where the history begins at 1. Read "
        'best["epoch"].',
    ),
    WrongAnswer(
        "the test set picks the epoch",
        TEST,
        'if row["test_accuracy"] > best["test_accuracy"]:',
        "test set unread",
        "The test images choose the epoch, and then report on it: they flatter "
        "themselves. Only val_accuracy may choose.",
    ),
    WrongAnswer(
        "validation and test together",
        TEST,
        'if row["val_accuracy"] + row["test_accuracy"] > best["val_accuracy"] + '
        'best["test_accuracy"]:',
        "test set unread",
        "The test images have half a say, so half of the bias is back. Leave them out.",
    ),
    WrongAnswer(
        "the test set breaks ties",
        TEST,
        'if (round(row["val_accuracy"], 1), row["test_accuracy"]) > '
        '(round(best["val_accuracy"], 1), best["test_accuracy"]):',
        "test set unread",
        "Where validation is nearly equal, the test images decide. They may decide "
        "nothing: keep the earlier row.",
    ),
    WrongAnswer(
        "ties asked of the test set",
        TEST,
        'if (row["val_accuracy"], row["test_accuracy"]) > '
        '(best["val_accuracy"], best["test_accuracy"]):',
        "test set unread",
        "Of two equal epochs the test images choose. Leave them out: the earlier one "
        "counts.",
    ),
    WrongAnswer(
        "the last epoch",
        RETURN,
        'return history[-1]["epoch"]',
        "values",
        "This is the last epoch, not the best one. Return the row that the loop kept: "
        'best["epoch"].',
    ),
    WrongAnswer(
        "the lowest training loss",
        TEST,
        'if row["train_loss"] < best["train_loss"]:',
        "values",
        "The training loss falls on while the network learns by heart. Ask images "
        "that it does not train on: val_accuracy.",
    ),
    WrongAnswer(
        "the lowest validation accuracy",
        TEST,
        'if row["val_accuracy"] < best["val_accuracy"]:',
        "values",
        "The comparison points the wrong way: accuracy is better when higher, loss "
        "when lower.",
    ),
    WrongAnswer(
        "stops at the first fall",
        "            best = row\n",
        "            best = row\n        else:\n            break\n",
        "values",
        "The loop ends at the first epoch that is no better. Accuracies jitter: look "
        "at all rows.",
    ),
    WrongAnswer(
        "compared with the row before",
        BODY,
        """best, before = history[0], history[0]
    for row in history[1:]:
        if row["val_accuracy"] > before["val_accuracy"]:
            best = row
        before = row
    return best["epoch"]""",
        "values",
        "Each row is compared with the one before it, so the last rise wins. Compare "
        "with the best so far.",
    ),
    WrongAnswer(
        "the first row is forgotten",
        "best = history[0]\n    for row in history[1:]:",
        "best = history[1]\n    for row in history[2:]:",
        "values",
        "The first epoch can never win. Begin with history[0].",
    ),
    WrongAnswer(
        "the last row is forgotten",
        "history[1:]",
        "history[1:-1]",
        "values",
        "The last epoch can never win. The slice history[1:] goes to the end.",
    ),
    WrongAnswer(
        "ties to the later",
        TEST,
        'if row["val_accuracy"] >= best["val_accuracy"]:',
        "ties",
        ">= lets a later, equal epoch win. Of two equal ones take the earlier: >.",
    ),
    WrongAnswer(
        "sorted in place",
        BODY,
        """history.sort(key=lambda row: (-row["val_accuracy"], row["epoch"]))
    return history[0]["epoch"]""",
        "input not modified",
        ".sort() reorders the caller's history, and its curve with it. sorted() or "
        "max() leave it alone.",
    ),
    WrongAnswer(
        "rows taken out",
        BODY,
        """best = history.pop(0)
    while history:
        row = history.pop(0)
        if row["val_accuracy"] > best["val_accuracy"]:
            best = row
    return best["epoch"]""",
        "input not modified",
        ".pop() empties the caller's history. Walk over it with a for loop.",
    ),
)
