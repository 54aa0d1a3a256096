"""What the series of `timeseries/panel` count, in words: domains, columns, kinds and stories."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PanelSkin:
    """One domain; texts take `{place}`."""

    domain: str
    titles: tuple[str, ...]
    who: tuple[str, ...]
    goal: tuple[str, ...]
    site: str
    """Column that names a series."""
    site_prefix: str
    sites: str
    """What a series is, in the plural."""
    table: str
    """File with what is known of each series."""
    kind: str
    """Column of that file."""
    kinds: tuple[str, str, str]
    size: str
    """Another column of that file, a number."""
    size_note: str
    event: str
    """Column that says whether something planned takes place."""
    event_note: str
    target: str
    target_note: str


SKINS = (
    PanelSkin(
        domain="retail",
        titles=("Bread for the shops of {place}", "Two weeks ahead at {place} Bakeries"),
        who=(
            "{place} Bakeries runs a chain of shops and bakes for all of them in one place.",
            "Every evening, {place} Bakeries decides how many loaves each of its shops will get.",
        ),
        goal=(
            "How many loaves will each shop sell on each of the next fourteen days?",
            "The planners need the sales of the coming two weeks, by shop and day.",
        ),
        site="shop",
        site_prefix="S",
        sites="shops",
        table="shops.csv",
        kind="location",
        kinds=("centre", "suburb", "station"),
        size="floor_m2",
        size_note="sales floor in square metres",
        event="leaflet",
        event_note="1 if the shop was, or will be, in that day's leaflet, else 0; planned ahead",
        target="loaves",
        target_note="loaves sold on the day",
    ),
    PanelSkin(
        domain="healthcare",
        titles=("Walk-in patients in {place}", "How busy will the clinics of {place} be?"),
        who=(
            "The health board of {place} runs walk-in clinics, where nobody has an appointment.",
            "Patients come to the walk-in clinics of {place} as they please, and rosters have to "
            "be written two weeks ahead.",
        ),
        goal=(
            "Forecast how many patients each clinic sees on each day of the next two weeks.",
            "The board asks for the patients per clinic and day in the coming fortnight.",
        ),
        site="clinic",
        site_prefix="C",
        sites="clinics",
        table="clinics.csv",
        kind="setting",
        kinds=("campus", "village", "mall"),
        size="rooms",
        size_note="number of treatment rooms",
        event="open_day",
        event_note="1 on days with free check-ups at the clinic, else 0; announced long before",
        target="patients",
        target_note="patients seen on the day",
    ),
    PanelSkin(
        domain="transportation",
        titles=("Bikes at the docks of {place}", "{place} rides: the next fortnight"),
        who=(
            "{place} lends bicycles at docks all over town, and vans carry them to where they will "
            "be needed.",
            "The bicycle scheme of {place} counts every ride that starts at one of its docks.",
        ),
        goal=(
            "Forecast the rides from each dock on each of the next fourteen days.",
            "To plan the vans, the rides per dock and day are needed two weeks ahead.",
        ),
        site="dock",
        site_prefix="D",
        sites="docks",
        table="docks.csv",
        kind="quarter",
        kinds=("harbour", "offices", "homes"),
        size="stands",
        size_note="number of stands",
        event="street_event",
        event_note="1 if the town has a permit for an event near the dock on that day, else 0",
        target="rides",
        target_note="rides that started at the dock on the day",
    ),
    PanelSkin(
        domain="IT",
        titles=("Load on the tenants of {place} Cloud", "Capacity for {place} Cloud"),
        who=(
            "{place} Cloud hosts the web shops of many tenants and buys capacity two weeks ahead.",
            "Each tenant of {place} Cloud causes load in a rhythm of its own.",
        ),
        goal=(
            "Predict the thousands of requests that each tenant gets on each of the next 14 days.",
            "Forecast the daily requests of every tenant for the coming fortnight.",
        ),
        site="tenant",
        site_prefix="T",
        sites="tenants",
        table="tenants.csv",
        kind="plan",
        kinds=("free", "team", "business"),
        size="pages",
        size_note="number of pages in the tenant's shop",
        event="mailing",
        event_note="1 if the tenant has booked a mailing to its customers for the day, else 0",
        target="kilo_requests",
        target_note="thousands of requests on the day",
    ),
    PanelSkin(
        domain="finance",
        titles=("Counter business of the {place} bank", "Who comes to the branches of {place}?"),
        who=(
            "The {place} savings bank sends its tellers to whichever branch will need them.",
            "Branches of the {place} savings bank still have counters, but not always enough "
            "people behind them.",
        ),
        goal=(
            "Forecast the counter transactions of every branch for each day of two weeks.",
            "Given the history, predict the transactions per branch and day, a fortnight ahead.",
        ),
        site="branch",
        site_prefix="B",
        sites="branches",
        table="branches.csv",
        kind="area",
        kinds=("market", "rural", "airport"),
        size="counters",
        size_note="number of counters",
        event="advice_day",
        event_note="1 on days for which the branch has announced free advice, else 0",
        target="transactions",
        target_note="transactions at the counters on the day",
    ),
    PanelSkin(
        domain="manufacturing",
        titles=("Spare parts from the {place} depots", "Orders at {place} Machines"),
        who=(
            "{place} Machines keeps spare parts in depots near its customers and fills them up "
            "every other week.",
            "Customers of {place} Machines order spare parts from the nearest depot, by phone, "
            "every day of the week.",
        ),
        goal=(
            "Predict the orders at every depot for each of the next fourteen days.",
            "How many orders will each depot get, day by day, in the next two weeks?",
        ),
        site="depot",
        site_prefix="P",
        sites="depots",
        table="depots.csv",
        kind="customers",
        kinds=("farms", "mines", "printers"),
        size="shelves",
        size_note="number of shelves",
        event="service_day",
        event_note="1 if fitters are booked for a service day in the depot's area, else 0",
        target="orders",
        target_note="orders received on the day",
    ),
    PanelSkin(
        domain="science",
        titles=("Sightings in the reserves of {place}", "Citizen science around {place}"),
        who=(
            "Volunteers report birds from the reserves around {place}, and experts review every "
            "report.",
            "The atlas of {place} lives on sightings that visitors of its reserves send in.",
        ),
        goal=(
            "To find enough reviewers, the reports per reserve and day are to be forecast for two "
            "weeks.",
            "Forecast how many reports come from each reserve on each of the next fourteen days.",
        ),
        site="reserve",
        site_prefix="R",
        sites="reserves",
        table="reserves.csv",
        kind="habitat",
        kinds=("wetland", "forest", "coast"),
        size="hides",
        size_note="number of hides for watching",
        event="guided_walk",
        event_note="1 if a guided walk is in the programme for that day, else 0",
        target="reports",
        target_note="reports received from the reserve on the day",
    ),
)

GAPS = (
    "Now and then the record failed, and the history shows a 0 for the day. The days to be "
    "forecast were recorded without a failure.",
    "A 0 in the history usually means that nothing was recorded. In the two weeks to be forecast "
    "no day was lost.",
)

UNITS = (
    "Part of the {sites} changed their recording system during the history; the old system did "
    "not count in the same unit. All counts to be forecast are from the new one.",
    "Over the weeks of the history, some {sites} were moved to a new system. Old and new ones "
    "differ in the unit they count in; forecasts are wanted in the new unit.",
)
