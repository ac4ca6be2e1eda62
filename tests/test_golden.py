"""Golden vectors: our modules against recorded runs of the authors' own code.

The folder is `tests/golden`, or the one that GOLDEN_DIR names; see golden_cases.py.
"""

import hashlib

import pytest
import torch
from golden_cases import (
    CASES,
    FOLDER,
    OUR_CASES,
    OUR_FOLDER,
    built_and_loaded,
    case_id,
    close,
    compare_case,
    load_case,
    ours_for,
)
from safetensors.torch import load_file

from course_lib.attention import BAM


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_the_file_is_the_recorded_one(case):
    content = (FOLDER / case["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == case["sha256"]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_the_file_fits_the_manifest(case):
    data = load_file(FOLDER / case["file"])
    shape = (case["batch"], case["channels"], case["height"], case["width"])
    assert data["input"].shape == shape
    stored = {name for name in data if "::" not in name}
    stored -= {"input", "probe", "output", "grad_input"}
    assert stored == {entry["name"] for entry in case["tensors"]}


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_our_module_does_what_theirs_did(case):
    data = load_file(FOLDER / case["file"])
    compare_case(case, data, built_and_loaded(case, data))


# The quirk ------------------------------------------------------------------------


def test_quirk_the_released_bam_pools_only_the_left_square_of_a_wide_map():
    """Case 09: on 6 x 10 the authors' pooling window of H x H sees the left 6 x 6.

    pool="square" reproduces it (the test above runs it so); the sensible pooling,
    pool="global", must differ, or the case would show nothing.
    """
    case = OUR_CASES["09_bam_official_c32_n2_6x10_eval.safetensors"]
    assert case["quirk"].startswith("H < W < 2H")
    data = load_file(OUR_FOLDER / case["file"])
    square = built_and_loaded(case, data)
    compare_case(case, data, square)
    everywhere = BAM(case["channels"], case["reduction"], combine="product")
    load_case(case, data, everywhere)
    with pytest.raises(AssertionError, match=r"^output"):
        compare_case(case, data, everywhere)
    # And this is what it computes: the channel branch of the left square alone.
    left = data["input"][:, :, :, :6]
    close("left square", square.channel(data["input"]), everywhere.channel(left))


def test_both_poolings_agree_on_a_square_map():
    case = OUR_CASES["06_bam_official_c32_n2_8x8_eval.safetensors"]
    data = load_file(OUR_FOLDER / case["file"])
    everywhere = BAM(case["channels"], case["reduction"], combine="product")
    load_case(case, data, everywhere)
    compare_case(case, data, everywhere)


# The comparison can fail ----------------------------------------------------------


def test_an_unknown_module_name_is_told_with_the_known_ones():
    case = {"file": "99_new.safetensors", "module": "bam_offical"}
    with pytest.raises(AssertionError, match=r"99_new.*'bam_offical'.*bam_official"):
        ours_for(case)


ONE_CASE_EACH = {case["module"]: case for case in OUR_CASES.values()}.values()


@pytest.mark.parametrize("case", ONE_CASE_EACH, ids=case_id)
def test_a_change_of_any_one_parameter_is_noticed(case):
    data = load_file(OUR_FOLDER / case["file"])
    module = built_and_loaded(case, data)
    for name, parameter in module.named_parameters():
        load_case(case, data, module)
        module.zero_grad()
        with torch.no_grad():
            parameter.add_(0.05)
        try:
            compare_case(case, data, module)
        except AssertionError:
            continue
        pytest.fail(f"{name} was shifted by 0.05 and nothing was noticed")


@pytest.mark.parametrize("key", ["output", "grad_input", "probe", "input"])
def test_a_change_of_one_recorded_number_is_noticed(key):
    case = OUR_CASES["17_cbam_official_c32_n2_8x8_eval.safetensors"]
    data = load_file(OUR_FOLDER / case["file"])
    data[key].view(-1)[3] += 0.01
    with pytest.raises(AssertionError):
        compare_case(case, data, built_and_loaded(case, data))


def test_statistics_that_were_not_updated_are_noticed():
    case = OUR_CASES["20_cbam_official_c32_n3_6x6_train.safetensors"]
    data = load_file(OUR_FOLDER / case["file"])
    module = built_and_loaded(case, data)
    module.spatial.norm.momentum = 0.1  # the authors' is 0.01
    with pytest.raises(AssertionError, match=r"^after::"):
        compare_case(case, data, module)
