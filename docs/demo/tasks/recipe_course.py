"""Short recipes, sorted by the course they are served as."""

from .grammar import Grammar, Row, labelled_rows

LABELS = ("starter", "main", "dessert", "drink")

GRAMMAR = Grammar("""
starter: {starter_step}, {small_finish}. | {prep}. {starter_step}. {serve_starter}.
    | for {people}: {starter_step}, then {small_finish}. {serve_starter}.
main: {main_step}, {big_finish}. | {prep}. {main_step}. {serve_main}.
    | for {people}: {main_step}, then {big_finish}. {serve_main}.
dessert: {dessert_step}, {sweet_finish}. | {prep}. {dessert_step}. {serve_dessert}.
    | for {people}: {dessert_step}, then {sweet_finish}. {serve_dessert}.
drink: {drink_step}, {glass_finish}. | {prep}. {drink_step}. {serve_drink}.
    | for {people}: {drink_step}, then {glass_finish}. {serve_drink}.
people: two | four | six | a crowd | eight
prep: start an hour ahead | wash and dry everything | get the {herb} ready | chill a bowl
    | set the {fruit} aside | grate some ginger | take the butter out of the fridge
    | squeeze {citrus}
herb: mint | basil | thyme | parsley | sage | dill
fruit: pears | apples | cherries | plums | raspberries | apricots | figs
citrus: a lemon | two limes | an orange | half a grapefruit
veg: leeks | carrots | beetroot | courgettes | peppers | celery | pumpkin | fennel
meat: chicken thighs | pork shoulder | beef shin | lamb chops | cod fillets | firm tofu
starch: rice | potatoes | lentils | noodles | barley | polenta
starter_step: shave the {veg} thinly and dress with {citrus}
    | toast slices of bread and rub with garlic | blend the {veg} to a light soup
    | wrap {fruit} in ham | stir {herb} into soft cheese | marinate olives with {herb}
    | fold smoked fish into sour cream | fill little pastry cups with {veg}
small_finish: spoon a little onto each small plate | top each bite with {herb}
    | scatter {herb} and a few nuts | keep the pieces small
serve_starter: hand round while the oven is busy | serve a few bites each before the roast
    | enough to wake the appetite | bring out first, with thin toast | good to open a long dinner
main_step: brown the {meat} and cover with stock | roast the {meat} over {veg}
    | simmer {starch} with {veg} and {herb} | layer {veg} and {starch} in a deep dish
    | braise the {meat} with {fruit} | bake the {meat} in a crust of {herb}
    | fry the {veg} hard, add {starch} and eggs | stew beans with {veg} and {citrus}
big_finish: leave in the oven for two hours | let the pot bubble until thick
    | turn once and rest under foil | stir in the {starch} to make it filling
serve_main: carve at the table with {starch} | ladle over a heap of {starch}
    | a full plate for a cold night | serve with {veg} on the side | nobody will need seconds
dessert_step: poach the {fruit} in syrup | whisk egg whites with sugar and fold in {fruit}
    | bake the {fruit} under a buttery crumble | melt chocolate into cream with {citrus}
    | layer sponge, custard and {fruit} | freeze the {fruit} with yoghurt and honey
    | caramelise sugar and pour into moulds | roll the {fruit} in sweet dough with {herb}
sweet_finish: dust with sugar | chill until set and turn out | pour over warm custard
    | leave to cool on a rack | crown with whipped cream
serve_dessert: slice once the plates are cleared | a sweet end with coffee
    | serve with a scoop of vanilla ice | pass the honey round | best after a light dinner
drink_step: steep {herb} in hot water | shake {citrus} with crushed ice
    | blend the {fruit} with cold milk | warm red wine with cloves and {fruit}
    | muddle {herb} with sugar | juice the {veg} with {fruit} | brew strong tea with {citrus}
    | top {fruit} syrup with soda
glass_finish: strain into tall glasses | pour over ice | sip while it steams
    | top up with sparkling water | fill the jug and stir
serve_drink: hang {citrus} on the rim | carry out in a jug | sip slowly through a straw
    | thirst will be gone at once | keeps in a bottle for three days
""")


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Balanced recipes with the columns text and label."""
    return labelled_rows(GRAMMAR, LABELS, seed=seed, count=count)
