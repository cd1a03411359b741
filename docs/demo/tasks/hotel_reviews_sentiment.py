"""Hotel reviews, positive or negative: the final judgement counts, not every remark."""

from .grammar import Grammar, Row, labelled_rows
from .judgements import RULES

LABELS = ("positive", "negative")

GRAMMAR = Grammar(
    RULES
    + """
positive: {flaw}, but {good}. | although {flaw}, {good}. | {perk}, and {good}.
    | {good}, and {perk}. | {stayed}. {remark}. {good}. | {stayed}. {good}. {good}.
    | {remark}; {good} and {good}. | {expected}. {good}. {good}. | {stayed}. {good}, and {glad}.
    | {remark}. {glad}. | {good}. {remark}. {glad}.
negative: {perk}, but {bad}. | although {perk}, {bad}. | {flaw}, and {bad}.
    | {bad}, and {flaw}. | {stayed}. {remark}. {bad}. | {stayed}. {bad}. {bad}.
    | {remark}; {bad} and {bad}. | {expected}. {bad}. {bad}. | {stayed}. {bad}, and {sorry}.
    | {remark}. {sorry}. | {bad}. {remark}. {sorry}.
remark: {flaw} | {perk} | {perk} and {flaw}
stayed: {nights} in {room} | {nights} on business | {nights} for a wedding in {month}
    | {nights} with two children | {nights} by the sea | {nights} in {month}
nights: one night | two nights | three nights | a long weekend | a full week | five nights
month: May | June | August | October | December
room: a double room | the family suite | an attic room | a corner room | a ground-floor room
    | a room facing the courtyard | the cheapest single | a twin room on the second floor
expected: we did not know what to expect | friends had told us about {part}
    | we had seen pictures of {part}
flaw: the lift was slow | {room} is on the small side | parking costs extra | the pool was shut
    | the corridors are long | check-in took a while | the wardrobe was tiny | the street was busy
    | the towels were thin | the view was of a car park | we waited for our key
perk: the lift was quick | {room} is on the large side | parking was free | the pool was open late
    | the station is close | check-in took a minute | the wardrobe was huge | the street was calm
    | the towels were thick | the view was of the harbour | our key was ready early
part: the bed | the bathroom | the lobby | the spa | the shower | the garden | the balcony
    | the porter | the housekeeping | the manager | the mattress | the pool bar | the stay
    | our stay here | the whole trip | every night | the visit | this hotel | the service
    | the breakfast | the bar | room service | the dining room | the coffee | the buffet
good: {part} was {lovely} | {part} was {very} {lovely} | we found {part} {very} {lovely}
    | we {loved} {part} | {part} was {lovely}, {part} {lovely} | {part} was not bad but {lovely}
bad: {part} was {awful} | {part} was {very} {awful} | we found {part} {very} {awful}
    | we {hated} {part} | {part} was {awful}, {part} {awful} | {part} was not good but {awful}
glad: I would happily book again | we left rested and smiling | {part} was worth every penny
    | {part} made us {very} happy | {part} was far from {awful} | we recommend it, it is {lovely}
sorry: I would never book again | we left tired and furious | {part} was a waste of money
    | {part} made us {very} cross | {part} was far from {lovely} | we warn you, it is {awful}
"""
)


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Balanced reviews with the columns text and label."""
    return labelled_rows(GRAMMAR, LABELS, seed=seed, count=count)
