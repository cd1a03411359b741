"""Restaurant reviews, positive or negative: the held-out target of the demo."""

from .grammar import Grammar, Row, labelled_rows
from .judgements import RULES

LABELS = ("positive", "negative")

GRAMMAR = Grammar(
    RULES
    + """
positive: {visit}. {flaw}, yet {good}. {scene}. | {visit}. {perk}, and {good}.
    | {visit}. {scene}, {scene}. {good}. | {good}, despite {flaw_thing}. {scene}. {remark}.
    | {good}, helped by {perk_thing}. {scene}. | {matter} aside, {good}, as {scene}.
    | {scene}, {remark}; {good}. | people talk about {matter}. {visit}: {good}. {scene}.
    | {visit}. {remark}, {scene}. {good}. | {scene}. {glad}. | {visit}. {scene}, and {good}.
negative: {visit}. {perk}, yet {bad}. {scene}. | {visit}. {flaw}, and {bad}.
    | {visit}. {scene}, {scene}. {bad}. | {bad}, despite {perk_thing}. {scene}. {remark}.
    | {bad}, not helped by {flaw_thing}. {scene}. | {matter} aside, {bad}, as {scene}.
    | {scene}, {remark}; {bad}. | people talk about {matter}. {visit}: {bad}. {scene}.
    | {visit}. {remark}, {scene}. {bad}. | {scene}. {sorry}. | {visit}. {scene}, and {bad}.
remark: {flaw} | {perk}
scene: {party} ordered {dish} | {dish} comes with {dish} | the next table had {dish}
    | we went on to {place} | {place} used to be a {shop} | the street outside is full of {crowd}
    | the walls are {colour} | a {shop} is next door | {crowd} filled the room
    | {dish} is on the menu twice | {party} came late | we sat under {colour} lamps
    | it was once {place} | {crowd} sang
shop: bakery | bank | stable | cinema | pharmacy | garage | florist | library
crowd: students | cyclists | tourists | office workers | football fans | families | sailors
colour: green | red | yellow | blue | white | orange
matter: {flaw_thing} | {perk_thing} | {perk_thing} and {flaw_thing}
visit: lunch for {party} | dinner for {party} at {place} | a birthday meal for {party}
    | after the theatre, {party} at {place} | a Sunday roast with {party}
    | supper at the counter of {place} | the set menu at {place}
party: two | three | four friends | six colleagues | the whole family | a table of eight
    | the choir | both grandmothers | the chess club
place: the noodle bar | the tapas place | the pizzeria | the fish shack | the vegan canteen
    | the steak house | the curry house | the brasserie | the sushi counter | the tavern
dish: the risotto | the grilled trout | the lamb stew | the mushroom pie | the ramen
    | the onion soup | the lasagne | the fish curry | the steak | the paella | the beetroot salad
    | the lemon tart | the cheesecake | the tofu | the goulash | the roast duck | the falafel
    | the house wine | the sourdough
all: the meal | dinner | every course | the cooking | the kitchen | the food | the place
    | the evening | the chef | the waiter | the sommelier | the service | the dessert menu
topic: {dish} | {all}
flaw: the queue was long | our table was by the kitchen | the music was loud | it costs a bit
    | the menu is short | the portions are small | we had to share a table | parking took ages
    | they forgot the olives | the tablecloth was paper | {dish} came last
perk: there was no queue | our table was by the window | the music was soft | it costs little
    | the menu is long | the portions are big | we had a booth to ourselves | parking was easy
    | the olives are free | the tablecloth was linen | {dish} came at once
flaw_thing: the long queue | the high stools | the loud music | the prices | the paper napkins
    | the slow start | the cramped tables
perk_thing: the short queue | the soft chairs | the live music | the discounts | the linen napkins
    | the quick start | the roomy tables
good: {topic} was {lovely} | {topic} was {very} {lovely} | we found {topic} {very} {lovely}
    | we {loved} {topic} | {dish} was {tasty} and {lovely}
    | {topic} was not bad but {lovely}
bad: {topic} was {awful} | {topic} was {very} {awful} | we found {topic} {very} {awful}
    | we {hated} {topic} | {dish} was {nasty} and {awful}
    | {topic} was not good but {awful}
tasty: delicious | fragrant | tender | crisp | fresh | well seasoned
nasty: inedible | greasy | tough | soggy | stale | badly seasoned
glad: we will gladly come back, {all} was {lovely} | I am still dreaming of {dish}, it is {lovely}
    | {all} left us {very} happy
sorry: we will not come back, {all} was {awful} | I still shudder at {dish}, it is {awful}
    | {all} left us {very} angry
"""
)


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Balanced reviews with the columns text and label."""
    return labelled_rows(GRAMMAR, LABELS, seed=seed, count=count)
