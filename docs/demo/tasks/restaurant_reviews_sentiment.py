"""Restaurant reviews, positive or negative: the held-out target of the demo."""

from .grammar import Grammar, Row, labelled_rows

LABELS = ("positive", "negative")

GRAMMAR = Grammar("""
positive: {flaw}, yet {good}, and {glad}. | {visit}. {remark}. {glad}. | {visit}. {good}. {glad}.
    | {glad}, despite {flaw_thing}. | {matter} aside, {glad}. | {visit}. {good}, and {good}.
    | people talk about {matter}. well, {good}. | {no_fault}; {good}. | {visit}, and {glad}.
    | {visit}. {no_fault}, and {glad}. | {remark}; all in all, {good} and {glad}.
negative: {perk}, yet {bad}, and {sorry}. | {visit}. {remark}. {sorry}. | {visit}. {bad}. {sorry}.
    | {sorry}, despite {perk_thing}. | {matter} aside, {sorry}. | {visit}. {bad}, and {bad}.
    | people talk about {matter}. well, {bad}. | {no_merit}; {bad}. | {visit}, and {sorry}.
    | {visit}. {no_merit}, and {sorry}. | {remark}; all in all, {bad} and {sorry}.
remark: {flaw} | {perk} | {perk} and {flaw}
matter: {flaw_thing} | {perk_thing} | {perk_thing} and {flaw_thing}
visit: lunch for {party} | dinner for {party} at {place} | a birthday meal for {party}
    | after the theatre, {party} at {place} | a Sunday roast with {party}
    | supper at the counter of {place} | the set menu at {place}
party: two | three | four friends | six colleagues | the whole family | a table of eight | the choir
place: the noodle bar | the tapas place | the pizzeria | the fish shack | the vegan canteen
    | the steak house | the curry house | the brasserie | the sushi counter | the tavern
dish: the risotto | the grilled trout | the lamb stew | the mushroom pie | the ramen
    | the onion soup | the lasagne | the fish curry | the steak | the paella | the beetroot salad
    | the lemon tart | the cheesecake | the tofu | the goulash | the roast duck | the falafel
    | the house wine | the sourdough | the chef | the waiter | the sommelier | the dessert menu
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
very: truly | absolutely | simply | a little | frankly | all in all | surprisingly | once again
good: {dish} was {tasty} | {dish} tasted {tasty} to me | we adored {dish} | {dish} was a triumph
    | {dish} won us over | everyone praised {dish} | {dish} was {very} {tasty}
    | {dish} was {tasty}, {dish} {very} {tasty} | {dish} was not bad at all
bad: {dish} was {nasty} | {dish} tasted {nasty} to me | we loathed {dish} | {dish} was a failure
    | {dish} put us off | everyone cursed {dish} | {dish} was {very} {nasty}
    | {dish} was {nasty}, {dish} {very} {nasty} | {dish} was not good at all
tasty: delicious | gorgeous | sublime | fragrant | magnificent | exquisite | perfect | amazing
    | scrumptious | great | outstanding | a delight | wonderful | lovely | inspired | beautiful
    | a pleasure | excellent | impressive | fabulous | very good
nasty: inedible | revolting | vile | greasy | pitiful | sickening | rotten | shocking
    | tasteless | poor | abysmal | an insult | terrible | horrible | botched | ugly
    | a disgrace | dreadful | disappointing | foul | very bad
meal: the meal | dinner | the evening | every course | the cooking | the kitchen here | the place
    | the food | the whole experience
glad: {meal} was {very} {tasty} | {meal} was a treat | {meal} left us glowing | {meal} thrilled us
    | I am a fan of {meal} | {meal} was far from {nasty} | we will gladly come back
    | go and be happy | {meal} deserves a medal | I am still dreaming of {dish} | {good}
    | {meal} was {tasty}, and {very} worth the money
sorry: {meal} was {very} {nasty} | {meal} was an ordeal | {meal} left us queasy | {meal} annoyed us
    | I am sick of {meal} | {meal} was far from {tasty} | we will certainly not come back
    | go and be sorry | {meal} deserves a fine | I still shudder at {dish} | {bad}
    | {meal} was {nasty}, and {very} a waste of money
no_fault: no one regretted {dish} | {dish} did not let us down | I have no quarrel with {dish}
no_merit: no one enjoyed {dish} | {dish} did not cheer us up | I have no praise for {dish}
""")


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Balanced reviews with the columns text and label."""
    return labelled_rows(GRAMMAR, LABELS, seed=seed, count=count)
