"""Known-wrong answers to notebook 12's broken_laws: tests that miss, or cry wolf."""

from course_lib.exercises.exercise import WrongAnswer
from course_lib.exercises.notebook12_probes import CAUSES, sizes_cause

SIZES = "(64, 128, 2048)"
SIZE = '        "size": sizes == [3, 5, 7],\n'
GATED = '        "gated": same(module(x), x * g),\n'
SAMPLES = '        "samples": same(module.gate(x[:1]), g[:1]),\n'
AVERAGE = '        "average": same(module.gate(average), g),\n'
NEIGHBOURS = (
    '        "neighbours": same(pulse(module, 100), F.pad(kernel, (98, 153))),\n'
)
ENDS = '        "ends": same(pulse(module, 0), F.pad(kernel[2:], (0, 253))),\n'
RETURN = "return [name for name, kept in laws.items() if not kept]"
DATA = "torch.randn(2, 256, 7, 5)"
ALL_LAWS = GATED + SAMPLES + AVERAGE + NEIGHBOURS + ENDS

LAWS = (
    WrongAnswer(
        "yes or no",
        RETURN,
        "return all(laws.values())",
        "runs",
        "A yes or no does not say which law is broken. Return a list of names.",
    ),
    WrongAnswer(
        "names not kept",
        RETURN,
        "print([name for name, kept in laws.items() if not kept])",
        "runs",
        "Is the line with `return` missing?",
    ),
    WrongAnswer(
        "kept laws returned",
        RETURN,
        "return [name for name, kept in laws.items() if kept]",
        "no false alarm",
        "These are the laws that it keeps. Return those that it breaks: if not kept.",
    ),
    WrongAnswer(
        "parameter by its name",
        "kernel_of(module)",
        "module.conv.weight.detach().flatten()",
        "no false alarm",
        "`conv` is the name in one implementation. Take the parameters whatever they "
        "are called: kernel_of(module).",
    ),
    WrongAnswer(
        "to the last digit",
        "same(module.gate(average), g)",
        "torch.equal(module.gate(average), g)",
        "no false alarm",
        CAUSES["steps"],
    ),
    WrongAnswer(
        "a law of SE",
        GATED,
        GATED + '        "permute": same(module.gate(x.flip(1)), g.flip(1)),\n',
        "no false alarm",
        CAUSES["alone"],
    ),
    WrongAnswer(
        "a law of the start",
        GATED,
        GATED + '        "half": same(g, torch.full_like(g, 0.5)),\n',
        "no false alarm",
        CAUSES["zeros"],
    ),
    WrongAnswer(
        "correlation taken for convolution",
        "kernel_of(module).flip(0)",
        "kernel_of(module)",
        "no false alarm",
        CAUSES["symmetric"],
    ),
    WrongAnswer(
        "wrong half at the end",
        "kernel[2:]",
        "kernel[:3]",
        "no false alarm",
        CAUSES["constant"],
    ),
    WrongAnswer(
        "echo one number short",
        "(98, 153)",
        "(98, 152)",
        "no false alarm",
        "same got shapes (256,) and (255,), so it says no. left + 5 + right make 256 "
        "numbers.",
    ),
    WrongAnswer(
        "sample beside the batch",
        "same(module.gate(x[:1]), g[:1])",
        "same(module.gate(x[:1]), g)",
        "no false alarm",
        "same got one sample and two, so it says no. Compare with that sample's gates: "
        "g[:1].",
    ),
    WrongAnswer(
        "ties cut down",
        "sizes == [3, 5, 7]",
        "sizes == [3, 3, 5]",
        "no false alarm",
        sizes_cause((3, 3, 5)),
    ),
    WrongAnswer(
        "size not tested",
        SIZE,
        "",
        "kernel size",
        "Nothing asks how many weights there are. Count them for several C: len("
        "kernel_of(make(c))).",
    ),
    WrongAnswer(
        "shape and range only",
        SIZE + ALL_LAWS,
        '        "range": bool(((g > 0) & (g < 1)).all()),\n',
        "kernel size",
        "Shape and range ask whether it works, not which module it is. Begin with the "
        "size: len(kernel_of(make(c))) for several C.",
    ),
    WrongAnswer(
        "shape only",
        SIZE + ALL_LAWS,
        "",
        "kernel size",
        "Nearly everything keeps the shape. Begin with the size of the kernel: "
        "len(kernel_of(make(c))) for several C.",
    ),
    WrongAnswer(
        "sizes of narrow layers only",
        f'{SIZES}]\n    laws = {{\n        "size": sizes == [3, 5, 7]',
        '(64, 128)]\n    laws = {\n        "size": sizes == [3, 5]',
        "kernel size",
        "The widest layer is left out, and there k is 7. Count at C = 2048 as well.",
    ),
    WrongAnswer(
        "size of wide layers only",
        f'{SIZES}]\n    laws = {{\n        "size": sizes == [3, 5, 7]',
        '(2048,)]\n    laws = {\n        "size": sizes == [7]',
        "kernel size",
        "At 2048 the formula is nearly whole, so roundings agree. C = 64 gives 3.5 and "
        "tells them apart.",
    ),
    WrongAnswer(
        "constant maps",
        DATA,
        "torch.randn(2, 256, 1, 1).expand(2, 256, 7, 5)",
        "squeeze",
        "On constant maps mean, maximum and any position are one number. Use random "
        "maps, with same(module.gate(average), g).",
    ),
    WrongAnswer(
        "samples alike",
        DATA,
        "torch.randn(1, 256, 7, 5).expand(2, 256, 7, 5)",
        "squeeze",
        "Nothing compares a sample alone with the same sample beside a different one.",
    ),
    WrongAnswer(
        "ones everywhere",
        DATA,
        "torch.ones(2, 256, 7, 5)",
        "squeeze",
        "On ones, every squeeze and every batch looks alike. Random numbers tell apart "
        "what ones cannot.",
    ),
    WrongAnswer(
        "middle not tested",
        NEIGHBOURS,
        "",
        "convolution",
        "A pulse at channel 0 shows one half of the kernel. Send one through the "
        "middle as well.",
    ),
    WrongAnswer(
        "ends not tested",
        ENDS,
        "",
        "convolution",
        "In the middle every padding looks alike. Send a pulse through channel 0, and "
        "look at the last gates too.",
    ),
    WrongAnswer(
        "size of the answer only",
        NEIGHBOURS + ENDS,
        '        "sum": same(pulse(module, 100).sum(), kernel.sum()),\n',
        "convolution",
        "The sum of a pulse's echo does not say which gate got which weight. Compare "
        "all of them, in order.",
    ),
    WrongAnswer(
        "output not tested",
        GATED,
        "",
        "gate",
        "A right gate can be used wrongly. Compare the output with x * gate(x).",
    ),
    WrongAnswer(
        "shape, range and size only",
        ALL_LAWS,
        '        "range": bool(((g > 0) & (g < 1)).all()),\n',
        "squeeze",
        "Shape and range are what nearly all impostors have. Ask what the gate depends "
        "on, and how.",
    ),
    WrongAnswer(
        "output alone",
        SAMPLES + AVERAGE + NEIGHBOURS + ENDS,
        "",
        "squeeze",
        "The output is compared with the module's own gate, so nothing tests the gate "
        "itself.",
    ),
    WrongAnswer(
        "first law only",
        RETURN,
        f"{RETURN}[:1]",
        "all named",
        "Only the first broken law is returned. Return all: the table below leaves out "
        "one law at a time.",
    ),
)
