"""Requests between colleagues and neighbours, with a politeness from 1 to 5."""

import random

from .grammar import Grammar, Row, distinct_rows, sentence_case

# What an opening or a closing adds to the level of the phrasing that it frames.
EXTRAS = {"none": 0.0, "warm": 0.5, "cold": -0.5}

GRAMMAR = Grammar("""
level1: {act}, and make it quick | just {act} already | stop dawdling and {act}
    | how often must I tell you to {act} | you will {act}, no excuses
    | {act} or I will do it without you
level2: {act} {deadline} | you need to {act} {deadline} | I want you to {act}
    | see that you {act} {deadline} | {act}, that is your job
level3: can you {act} {deadline}? | will you {act}? | please {act} {deadline}
    | I need someone to {act} {deadline} | let me know when you can {act}
level4: could you please {act} {deadline}? | would you be able to {act}?
    | I would like to ask you to {act} {deadline} | might you have time to {act}?
    | please could you {act} when it suits you?
level5: would you be so kind as to {act} {deadline}?
    | I would be very grateful if you could {act} | might I trouble you to {act}, if it suits you?
    | if it is not too much to ask, could you perhaps {act} {deadline}?
    | I know how busy you are, and would truly value it if you could {act}
act: send me the {paper} | move the {object} | open the {opening} | check the {paper}
    | turn down the {noise} | bring the {object} back | print the {paper} | water the {plants}
    | call {person} about the {paper} | feed {person}'s cat | lock the {opening} | sign the {paper}
    | lend me the {object} | explain the {paper} to {person} | lift the {object} down
paper: report | contract | timetable | floor plan | guest list | budget sheet | minutes | draft
object: ladder | bicycle | projector | boxes | piano stool | drill | spare chairs | trolley
opening: back gate | window | shed | garage | meeting room | front door
noise: radio | drums | music | heating fan | television
plants: tomatoes | ferns | roses | window boxes
person: Ana | Tomas | Mrs Okoro | the caretaker | Yusuf | our neighbour | the new trainee
deadline: today | by noon | before the meeting | this week | before Friday | tonight
    | when you pass by
open_warm: good morning, and I hope you are well. | thank you for yesterday, by the way.
    | dear {person}, | sorry to interrupt.
open_cold: you there. | listen. | I have said this before. | enough talk.
close_warm: many thanks in advance. | I really appreciate it. | only if you have a moment.
    | thank you so much.
close_cold: no discussion. | I am not asking twice. | it should have been done long ago.
    | you have kept me waiting enough.
""")


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Requests with the columns text and label, labels in steps of a half."""

    def make(rng: random.Random, index: int) -> Row:
        level = 1 + index % 5
        opening = rng.choice(("none", "none", "warm", "cold"))
        closing = rng.choice(("none", "none", "warm", "cold"))
        request = GRAMMAR.phrase(f"{{level{level}}}", rng)
        parts = [] if opening == "none" else [GRAMMAR.phrase(f"{{open_{opening}}}", rng)]
        parts.append(request if request.endswith("?") else f"{request}.")
        parts += [] if closing == "none" else [GRAMMAR.phrase(f"{{close_{closing}}}", rng)]
        label = min(5.0, max(1.0, level + EXTRAS[opening] + EXTRAS[closing]))
        return {"text": sentence_case(" ".join(parts)), "label": label}

    return distinct_rows(make, seed=seed, count=count)
