"""Questions, sorted by what an answer must name."""

from .grammar import Grammar, Row, labelled_rows

LABELS = ("person", "place", "time", "number", "reason")

GRAMMAR = Grammar("""
person: who {did} {work}? | {polite} who {did} {work}?
    | what is the name of the {job} that {did} {work}? | which {job} {did} {work}?
    | by whom was {work} {done}? | {work} was {done} by which {job}?
    | to which {job} do we owe {work}?
place: where was {work} {done}? | {polite} where {work} was {done}?
    | in which {region} was {work} {done}? | what {region} is home to {work}?
    | from which {region} does {work} come? | to what {region} was {work} taken?
    | near which {region} would I find {work}?
time: when was {work} {done}? | {polite} when {work} was {done}?
    | in which {period} was {work} {done}? | what {period} saw {work} {done}?
    | since what {period} has {work} been known?
    | {work} was {done} in which {period}? | by what {period} had the {job} {done} {work}?
number: how {much} did {work} {measure}? | {polite} how many {unit} {work} has?
    | what is the {figure} of {work}? | how many {unit} went into {work}?
    | {work} holds how many {unit}? | by how many {unit} does {work} beat its rival?
    | {polite} the {figure} of {work}?
reason: why was {work} {done}? | {polite} why {work} was {done}?
    | for what reason was {work} {done}? | what made the {job} give up {work}?
    | how come {work} was {done} twice? | what led a {job} to think of {work}?
    | what is the point of {work}?
polite: can you tell me | do you happen to know | remind me | does anyone remember | I wonder
did: designed | sold | first described | stole | restored | paid for | signed | lost
done: designed | sold | described | stolen | restored | shown | signed | lost | moved
work: the {style} bridge | the {style} symphony | the {style} map | the {style} telescope
    | the {style} treaty | the {style} portrait | the {style} engine | the {style} dictionary
    | the {style} cathedral | the {style} calendar | the {style} recipe book | the {style} satellite
style: iron | unfinished | first | oldest | famous | second | secret | glass | royal | forgotten
job: engineer | composer | painter | queen | printer | merchant | astronomer | monk | student
region: city | valley | country | island | harbour town | province | river | museum
period: year | century | month | season | decade | week
much: much | far | long | tall
measure: cost | weigh | reach | grow | rise
unit: parts | pages | people | copies | steps | windows | tonnes | visitors
figure: price | weight | height | length | age in years | total count
""")


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Balanced questions with the columns text and label."""
    return labelled_rows(GRAMMAR, LABELS, seed=seed, count=count)
