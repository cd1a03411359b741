"""Messages to a shop's help desk, sorted by topic."""

from .grammar import Grammar, Row, labelled_rows

LABELS = ("billing", "login", "shipping", "bug", "feature request")

GRAMMAR = Grammar("""
billing: {hello} {billing_case}. {ask} | {billing_case}, {aside}. {ask}
    | {aside_long} {billing_case}. {ask}
login: {hello} {login_case}. {ask} | {login_case}, {aside}. {ask}
    | {aside_long} {login_case}. {ask}
shipping: {hello} {shipping_case}. {ask} | {shipping_case}, {aside}. {ask}
    | {aside_long} {shipping_case}. {ask}
bug: {hello} {bug_case}. {ask} | {bug_case}, {aside}. {ask}
    | {aside_long} {bug_case}. {ask}
feature_request: {hello} {wish_case}. {wish_end} | {wish_case}, {aside}. {wish_end}
    | {aside_long} {wish_case}. {wish_end}
hello: hi there, | hello team, | good morning, | quick one: | hey,
ask: can you look into it? | what should I do? | please advise. | this is getting urgent.
    | order {number}, if that helps. | I am on {plan}. | any news would help.
wish_end: just an idea. | what do you think? | others I know would like it too.
    | I am on {plan}. | no rush. | it would save me time every {day}.
aside: since {day} | again | for the second time this month | on my {device}
    | just like last {day} | and my colleague sees the same
aside_long: I have been a customer for years and like the shop. | sorry to bother you.
    | not sure which team reads this. | I already read the help pages.
    | my {device} is up to date.
day: Monday | Tuesday | Thursday | Friday | weekend
device: phone | tablet | laptop | old desktop | work computer
plan: the free plan | the family plan | the yearly plan | the business plan
number: 4471 | 20938 | 771 | 58120 | 6604
thing: kettle | lamp | backpack | keyboard | pair of boots | garden chair | desk fan
page: basket | checkout page | search box | wish list | order history | settings page
billing_case: my card was charged twice for one {thing} | the invoice shows {plan} and I left it
    | the refund for the {thing} never reached my account | you took the fee a week too early
    | the discount vanished from the total when I paid | I need a receipt with our tax number
    | the amount on my statement is higher than the one on the {page}
    | I was billed after I cancelled {plan} | my bank turned the payment down and you kept the sum
login_case: the password link sends me back to the first screen | my account is locked
    | the code you text me is always rejected | I no longer own the address I signed up with
    | it says my user name does not exist | I am thrown out each time I open the {page}
    | the second step asks for a {device} that I sold | I cannot get in with my new password
    | after the reset my {device} still wants the old credentials
shipping_case: the {thing} was meant to arrive on {day} and has not
    | the courier left the {thing} at the wrong house | the tracking has not moved since {day}
    | I moved house and the {thing} is going to my former street
    | half of the parcel is missing: no {thing} | the box came open and wet
    | the driver says nobody was home, and I was | can the {thing} go to a pick-up point instead
    | my {thing} is stuck at customs
bug_case: the {page} stays blank when I press save | the app closes itself on my {device}
    | every price on the {page} shows as zero | sorting by date puts last year on top
    | pictures overlap the text on the {page} | the {page} freezes when I add a {thing}
    | the counter on the {page} says minus one | typing an accent turns the {page} to gibberish
    | scrolling the {page} jumps back to the top
wish_case: it would be great to have a dark {page} | could you let us sort the {page} by colour
    | I miss a way to share the {page} with my partner | please add reminders for a saved {thing}
    | a button to copy an earlier order would be handy | have you thought of an offline {page}
    | why not let people compare one {thing} with another | I would love to export the {page}
    | support for several addresses on {plan} would help us
""")


def rows(seed: int = 0, count: int = 400) -> list[Row]:
    """Balanced tickets with the columns text and label."""
    return labelled_rows(GRAMMAR, LABELS, seed=seed, count=count)
