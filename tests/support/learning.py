"""What the tests of every method have in common."""

# Parameters that have no gradient at the start: of B A with B = 0 only B has one; and 2SFS has a
# second stage.
LATER = {"CLIPLoRA": "lora_A", "TwoStage": "classifier"}


def learns_at_once(method, parameter):
    """Whether a parameter of that name has a gradient in the first step."""
    return LATER.get(method, "nothing") not in parameter
