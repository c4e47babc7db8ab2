"""Owns the word lists that the questions draw on. No sentence is made here."""

NAMES = "Anna Ben Carla David Emma Finn Greta Leo Mia Noah Paul Rosa".split()

THINGS = (
    "apples pears books pens cards coins eggs plums chairs cups stones shells balls boxes stamps flowers keys toys"
).split()

PLACES = "shop farm school market garden box bag drawer".split()

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()

MONTHS = {
    "January": 31, "February": 28, "March": 31, "April": 30, "May": 31, "June": 30,
    "July": 31, "August": 31, "September": 30, "October": 31, "November": 30, "December": 31,
}

SPELLING = (
    "apple bread water table chair house mouse horse sheep tiger zebra lemon onion carrot butter cheese coffee "
    "sugar honey pepper salt milk cake soup rice fish bird frog duck goose rabbit monkey camel snake whale ocean "
    "river lake island forest desert stone sand cloud rain snow storm wind moon star planet rocket train plane "
    "boat ship bridge street garden flower tree leaf paper pencil book letter number window door floor wall roof "
    "bottle glass plate spoon fork knife lamp candle clock watch shoe shirt button pocket drum piano guitar music "
    "dance camera hammer ladder rope wheel engine school doctor farmer baker pilot queen castle tower village "
    "silver copper cotton winter spring green yellow"
).split()

UNKNOWN = [
    "Who wrote {}?", "Who invented {}?", "Tell me a story about {}.", "What is the meaning of {}?",
    "Where can I buy {}?", "What do you think about {}?", "Why do people like {}?", "How does {} work?",
    "Write a poem about {}.", "What is the history of {}?", "Can you explain {}?", "Is {} dangerous?",
    "Which is the best {}?", "Who discovered {}?", "Translate {} into French.", "How do I repair {}?",
]
UNKNOWN_TOPICS = (
    "the telephone|Hamlet|the radio|football|love|happiness|the moon landing|electricity|the internet|a bicycle|"
    "Paris|London|Africa|the ocean|cats|dogs|dragons|the French Revolution|chess|jazz|gravity|the sun|bread|"
    "democracy|a computer|a rainbow|volcanoes|the stock market|the Roman Empire|penguins|winter|a fast car|tea"
).split("|")
SMALL_TALK = [
    "Hello!", "Hi, how are you?", "Who are you?", "What is your name?", "What is the capital of France?",
    "What is the capital of Spain?", "Who is the president?", "What is the weather like?", "Good morning!",
    "Tell me a joke.", "What can you do?", "How old are you?", "Where do you live?", "Thank you!",
    "What is the highest mountain?", "How far away is the sun?", "Help me, please.", "Do you speak German?",
]

SYSTEM = [
    "You are a helpful assistant.", "Answer step by step.", "You are a careful assistant. Work in small steps.",
    "Be brief.", "You help children with their homework.", "You are a friendly teacher.", "Answer in English.",
]
