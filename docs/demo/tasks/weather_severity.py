"""Weather notes with a severity from 0 (pleasant) to 1 (dangerous)."""

import random

from .grammar import Grammar, Row, distinct_rows, sentence_case

GRAMMAR = Grammar("""
frame: {where}, {sky}, and {effect}. | {when}, {sky}. {effect}.
    | {sky} {near}; {effect}. | {when}, {effect}: {sky} {near}.
where: along the coast | up in the hills | across the plain | in the city | on the islands
    | in the river valleys | by the northern lakes | around the airport
near: over the {spot} | near the {spot} | west of the {spot} | on both sides of the {spot}
spot: harbour | pass | border | old quarry | reservoir | motorway | forest | estuary
when: this morning | by noon | after dark | on {day} | late on {day} | early on {day}
    | for most of {day}
day: Monday | Tuesday | Wednesday | Thursday | Friday | Saturday | Sunday
sky0: a mild breeze and soft sunshine | clear skies with hardly a cloud | still, warm air
    | a gentle haze that lifts early | light cloud and dry paths
sky1: a few showers between sunny spells | patchy drizzle | a cool wind with some cloud
    | thin mist in the low fields | a short burst of hail the size of peas
sky2: steady rain and gusts | thick fog | a hard frost | snow showers settling on grass
    | rumbles of thunder and heavy showers | sticky heat well above thirty
sky3: gale-force wind and driving rain | a blizzard with drifting snow | freezing rain
    | lightning strikes every few seconds | scorching heat for the sixth day
    | a storm surge at high tide
sky4: hurricane winds tearing inland | a tornado on the ground | a wall of flood water
    | a firestorm driven by hot gales | an ice storm snapping pylons
effect0: children play outside in shirts | laundry dries within the hour
    | walkers leave their coats at home | boats drift lazily
effect1: an umbrella may be handy | the picnic moves under a roof | puddles form on the paths
    | cyclists pull on a jacket
effect2: drivers are asked to slow down | some trains run late | the match is called off
    | gardeners cover their plants | ferries wait for a lull
effect3: schools are shut | power is out in several villages | roads are blocked by trees
    | people are told to stay indoors | flights are cancelled
effect4: whole streets are being evacuated | roofs have been ripped away
    | rescue boats are searching for families | lives are at risk
    | the army is bringing people to shelter
""")


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Notes with the columns text and label, labels spread over 0 to 1."""

    def make(rng: random.Random, index: int) -> Row:
        sky = index % 5
        effect = min(4, max(0, sky + rng.choice((-1, 0, 0, 1))))
        template = rng.choice(GRAMMAR.rules["frame"])
        template = template.replace("{sky}", f"{{sky{sky}}}")
        template = template.replace("{effect}", f"{{effect{effect}}}")
        text = sentence_case(GRAMMAR.phrase(template, rng))
        return {"text": text, "label": round((sky + effect) / 8, 3)}

    return distinct_rows(make, seed=seed, count=count)
