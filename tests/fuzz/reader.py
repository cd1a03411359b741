"""What a reader of untrusted bytes is to the fuzzer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from fuzz.bytes_mutations import MOST_BYTES, damaged, random_bytes
from fuzz.json_mutations import changed_json, nasty, write
from fuzz.pack_mutations import changed_pack
from fuzz.tensor_mutations import changed_tensors, join

Mutate = Callable[[Random, bytes], bytes]
MUTATIONS: dict[str, Mutate] = {
    "tensors": changed_tensors,
    "json": changed_json,
    "pack": changed_pack,
    "text": lambda rng, data: damaged(rng, data, data),
}
RANDOM: dict[str, Callable[[Random], bytes]] = {
    "tensors": lambda rng: join(write(nasty(rng)), rng.randbytes(64)),
    "json": lambda rng: write(nasty(rng)),
    "pack": random_bytes,
    "text": random_bytes,
}


@dataclass(frozen=True)
class Reader:
    """One way into the product: `read` returns for good bytes, and raises an EsmError for bad.

    seeds: valid inputs, which the mutations start from; the first of them must be accepted.
    bombs: inputs made to cost memory or time, sent as they are.
    weight: how many inputs it gets for one of the others'.
    """

    name: str
    kind: str
    read: Callable[[bytes], object]
    seeds: Sequence[bytes]
    bombs: Sequence[bytes] = ()
    weight: int = 1

    def input(self, seed: int, number: int) -> bytes:
        """The input of this number: the seeds as they are, the bombs, then mutations."""
        fixed = [*self.seeds, *self.bombs]
        if number < len(fixed):
            return fixed[number]
        rng = Random(f"{seed}/{self.name}/{number}")
        luck = rng.random()
        if luck < 0.04:
            return random_bytes(rng)
        if luck < 0.08:
            return RANDOM[self.kind](rng)
        data = rng.choice(self.seeds)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            if rng.random() < 0.75:
                data = MUTATIONS[self.kind](rng, data)
            else:
                data = damaged(rng, data, rng.choice(self.seeds))
        return data[:MOST_BYTES]
