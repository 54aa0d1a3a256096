"""Where the texts of `text/morph` come from, in words: domains, columns, labels and stories."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TextSkin:
    """One domain; `{place}` and `{tongue}` in texts are filled with invented names."""

    domain: str
    titles: tuple[str, ...]
    who: tuple[str, ...]
    """Openings: whose problem it is."""
    goal: tuple[str, ...]
    """What is wanted."""
    id_column: str
    id_prefix: str
    text_column: str
    label_column: str
    labels: tuple[str, ...]
    """At least six."""
    text_note: str
    label_note: str


SKINS = (
    TextSkin(
        domain="transportation",
        titles=("Sorting call-outs on the {place} canal", "What do the barge crews need?"),
        who=(
            "Crews on the {place} canal report trouble by text message, in {tongue}: a pidgin of "
            "the trade that no dictionary covers.",
            "The lock keepers of {place} pass on every message that a barge sends. Most are "
            "written in {tongue}, the crews' own cant.",
        ),
        goal=(
            "Dispatch wants each message routed to the team that has to go out.",
            "From the message alone, say which team was sent in the end.",
        ),
        id_column="message_id",
        id_prefix="m",
        text_column="message",
        label_column="team",
        labels=("locks", "towing", "divers", "electrics", "hull", "police", "medical"),
        text_note="the message as it was typed, in lower case, slips included",
        label_note="the team that was sent",
    ),
    TextSkin(
        domain="healthcare",
        titles=("Triage notes from the {place} valley", "Which ward for which note?"),
        who=(
            "Village health workers around {place} write triage notes in {tongue}, a language with "
            "few speakers and no translation service.",
            "The clinic at {place} receives notes from nine outposts. They are in {tongue}, which "
            "nobody at the front desk reads.",
        ),
        goal=(
            "The front desk would like to know at once to which ward a patient will go.",
            "Predict the ward that finally took the patient, so that a bed can be kept.",
        ),
        id_column="note_id",
        id_prefix="n",
        text_column="note",
        label_column="ward",
        labels=(
            "surgery",
            "cardiology",
            "maternity",
            "infection",
            "paediatrics",
            "neurology",
            "eye",
        ),
        text_note="the triage note, lower case, copied from paper with its mistakes",
        label_note="ward that took the patient",
    ),
    TextSkin(
        domain="IT",
        titles=("Routing tickets at {place} Hosting", "The night shift writes in code"),
        who=(
            "Operators at {place} Hosting log incidents in {tongue}, a jargon that grew over "
            "twenty years of night shifts.",
            "When {place} Hosting was taken over, so were its incident logs: thousands of lines of "
            "{tongue}, the old operators' private shorthand.",
        ),
        goal=(
            "New tickets should land in the right queue without a veteran reading them first.",
            "Learn from the tickets that veterans have sorted, and sort the rest into queues.",
        ),
        id_column="ticket",
        id_prefix="T",
        text_column="body",
        label_column="queue",
        labels=("network", "storage", "database", "access", "billing", "cooling", "backup"),
        text_note="what the operator typed, lower case, typing errors left in",
        label_note="queue in which the ticket was solved",
    ),
    TextSkin(
        domain="retail",
        titles=("Voices from the {place} night market", "What are the customers talking about?"),
        who=(
            "Visitors of the {place} night market leave comments in {tongue}, the dialect of the "
            "quarter.",
            "A comment box stands at every gate of the {place} market, and most slips are written "
            "in {tongue}.",
        ),
        goal=(
            "The stall owners' union wants every comment handed to the department it concerns.",
            "Say for each comment which department answered it.",
        ),
        id_column="comment_id",
        id_prefix="c",
        text_column="comment",
        label_column="department",
        labels=("food", "clothing", "toys", "hardware", "flowers", "parking", "music"),
        text_note="the comment, lower case, spelled as the visitor spelled it",
        label_note="department that answered",
    ),
    TextSkin(
        domain="manufacturing",
        titles=("Shift books of the {place} foundry", "Which part of the line broke?"),
        who=(
            "The shift books of the {place} foundry are kept in {tongue}, the language of the "
            "families that have worked there for generations.",
            "At the {place} works, whatever goes wrong is written into a book, by tradition in "
            "{tongue}.",
        ),
        goal=(
            "Maintenance wants to know which unit an entry led them to, to order parts in time.",
            "For each entry, predict the unit that was repaired.",
        ),
        id_column="entry_id",
        id_prefix="e",
        text_column="entry",
        label_column="unit",
        labels=("furnace", "crane", "press", "conveyor", "mould", "pump", "gearbox"),
        text_note="text of the entry in lower case, as the clerk typed it off the page",
        label_note="unit that was repaired",
    ),
    TextSkin(
        domain="science",
        titles=("Field diaries of the {place} expedition", "Reading the {tongue} diaries"),
        who=(
            "The naturalists of the {place} expedition kept their diaries in {tongue}, a language "
            "that one of them had made up.",
            "An archive holds the diaries of the {place} expedition. They are in {tongue}, an "
            "artificial language of which no grammar is left.",
        ),
        goal=(
            "Some entries could be matched with the specimen that was sent home that day; find "
            "the kind of specimen for the others.",
            "The museum asks which collection each entry belongs to.",
        ),
        id_column="page_id",
        id_prefix="p",
        text_column="diary",
        label_column="collection",
        labels=("moss", "beetle", "fern", "mineral", "bird", "shell", "fossil"),
        text_note="one entry, lower case, transcribed by volunteers who make mistakes",
        label_note="collection to which the day's specimen went",
    ),
    TextSkin(
        domain="finance",
        titles=("Floor talk at the {place} exchange", "What did the brokers deal in?"),
        who=(
            "Brokers at the {place} exchange chat in {tongue}, slang made to keep outsiders out.",
            "The regulator of the {place} exchange has recorded the brokers' chat. It is in "
            "{tongue}, which changes its endings as its speakers please.",
        ),
        goal=(
            "For part of the messages the deal that followed is known; name the market for the "
            "rest.",
            "Predict in which market the deal after each message was made.",
        ),
        id_column="chat_id",
        id_prefix="x",
        text_column="chat",
        label_column="market",
        labels=("grain", "metals", "bonds", "energy", "timber", "coffee", "wool"),
        text_note="the message, lower case, with its typing errors",
        label_note="market of the deal that followed",
    ),
)

LANGUAGE = (
    "What is known about {tongue} is little. Words are built from roots, and a root changes its "
    "look with what is put around it; hardly a word comes twice in the same form.",
    "{tongue} builds its words from roots by adding to them, so the same root turns up in dozens "
    "of forms. There is no word list.",
    "Nobody here speaks {tongue}. It glues endings to roots, and people spell as they hear.",
)

READING = (
    "Those who can read it warn that a text must be taken as a whole: a small word may turn the "
    "meaning of everything else around.",
    "One old hand says: do not stop at what is named; the short words decide what is meant by it.",
    "A hint from somebody who once learned it: short words weigh more than they look, for the "
    "rest of the text may mean something else beside them.",
)

ASIDES = (
    "Writers also like to wander: parts of a text may be about matters that have nothing to do "
    "with the outcome.",
    "Not every sentence is to the point; hearsay and gossip are passed on as well.",
)

TWICE = (
    "And as in other languages, saying a thing twice is not the same as saying it once.",
    "How often a thing is said can matter as much as that it is said.",
)
