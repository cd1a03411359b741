"""Pairs of sentences: do both say the same thing?"""

import random

from .grammar import Grammar, Row, distinct_rows, sentence_case

LABELS = ("yes", "no")
NUM_EVENTS = 8

# same0 holds wordings of one event, other0 wordings that contradict it, and so on.
GRAMMAR = Grammar("""
same0: {a} sold {thing} to {b} {when} | {b} bought {thing} from {a} {when}
    | {when}, {thing} passed from {a} to {b} for money
other0: {a} bought {thing} from {b} {when} | {b} stole {thing} from {a} {when}
    | {a} refused to sell {thing} to {b} {when}
same1: {a} taught {b} to mend {thing} {when} | {b} learned from {a} how to repair {thing} {when}
    | {when}, {a} showed {b} the way to fix {thing}
other1: {b} taught {a} to mend {thing} {when} | {a} mended {thing} without {b} {when}
    | {a} told {b} not to repair {thing} {when}
same2: {a} forgot to give {thing} back to {b} {when}
    | {when}, {a} did not remember to return {thing} to {b}
    | {b} did not get {thing} back {when}, because {a} forgot
other2: {a} remembered to give {thing} back to {b} {when}
    | {b} forgot to give {thing} back to {a} {when} | {a} returned {thing} to {b} {when}
same3: only {a} and {b} saw {thing} {when} | nobody except {a} and {b} saw {thing} {when}
    | {when}, {thing} was seen by {a} and {b} and by no one else
other3: everybody except {a} and {b} saw {thing} {when} | {a} saw {thing} {when}, but not {b}
    | neither {a} nor {b} saw {thing} {when}
same4: {a} was too tired to carry {thing} for {b} {when}
    | {a} was so tired {when} that {b} had to carry {thing}
    | {when}, {b} carried {thing}, as {a} was worn out
other4: {a} was tired but carried {thing} for {b} {when}
    | {b} was so tired {when} that {a} had to carry {thing}
    | {a} was never too tired to carry {thing}
same5: {a} lent {thing} to {b} {when} | {b} borrowed {thing} from {a} {when}
    | {when}, {a} let {b} have the loan of {thing}
other5: {b} lent {thing} to {a} {when} | {a} borrowed {thing} from {b} {when}
    | {a} would not let {b} borrow {thing} {when}
same6: {a} painted {thing} before {b} did {when} | {b} painted {thing} after {a} did {when}
    | {when}, {a} was the first to paint {thing} and {b} the second
other6: {a} painted {thing} after {b} did {when} | {b} painted {thing} before {a} did {when}
    | {when}, {b} was the first to paint {thing} and {a} the second
same7: {a} agreed with {b} about {thing} {when} | {a} and {b} were of one mind on {thing} {when}
    | {when}, {b} and {a} did not differ over {thing}
other7: {a} disagreed with {b} about {thing} {when} | {a} and {b} quarrelled over {thing} {when}
    | {when}, {b} and {a} were at odds over {thing}
name: Ines | Marek | Priya | Olu | Hanna | Diego | Mei | Samir | Freya | Kofi | Leila | Jonas
thing: the accordion | the rowing boat | the parasol | the clay pot | the typewriter | the sledge
    | the globe | the quilt | the carved door | the tandem | the lantern | the chess set
when: last autumn | in the spring | during the holidays | one winter | after the exams
    | before the move | at midsummer | on the last day
""")


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Pairs with the columns text, text_pair and label, in equal numbers of yes and no."""

    def make(rng: random.Random, index: int) -> Row:
        label = LABELS[index % 2]
        event = rng.randrange(NUM_EVENTS)
        first, second = rng.sample(GRAMMAR.rules[f"same{event}"], 2)
        if label == "no":
            second = rng.choice(GRAMMAR.rules[f"other{event}"])
        a, b = rng.sample(GRAMMAR.rules["name"], 2)
        facts = {name: rng.choice(GRAMMAR.rules[name]) for name in ("thing", "when")}
        left, right = (sentence_case(s.format(a=a, b=b, **facts) + ".") for s in (first, second))
        return {"text": left, "text_pair": right, "label": label}

    return distinct_rows(make, seed=seed, count=count)
