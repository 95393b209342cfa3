"""What the synthetic voices say: original sentences, written for this project to sound like talk rather than prose.

Between them the English ones hold every English phoneme many times, with p, b, m, f, v and rounded vowels everywhere.
"""

import random
from collections.abc import Iterator

ENGLISH = """\
Well, I think we should probably move the meeting to Thursday, if that works for everybody.
You know, my brother bought a purple umbrella from the shop by the river.
So what happened was, we got there about five and nobody had opened the door.
Honestly, I would have loved to stay for the whole show, but the baby was awake.
People always ask me how the project began, and the answer is pretty simple.
Five white horses were moving over the bridge while the wind blew from the west.
Maybe you could bring a few more boxes, because we have plenty of room upstairs.
It took us almost four years to build the boat and about two minutes to sink it.
I mean, who would have thought that a small paper map could cause so much trouble?
The problem, of course, is that most of them have never even been to the museum.
Good morning, and welcome back. Today we will look at how a voice becomes a picture.
Please put the blue bowl above the oven before you leave the house.
Yeah, absolutely, that was the very first thing we tried.
My father used to say that a warm coat is worth more than a warm word.
When the music stopped, everyone turned around and began to laugh.
We are not asking for a miracle; we are asking for a bit of patience.
She showed me the usual measure of pleasure: a garage full of old treasure.
The judge chose a huge orange chair and just stared at the jury.
He thought that both of them were there with their mother on the other path.
Look, if you want my opinion, the food was good and the view was wonderful.
No, no, no. You have to push it upward, and then you pull.
Around the world, families wake up, boil some water and talk about the weather.
I remember the smell of rain on the road, and the sound of my grandmother's sewing machine.
Could you repeat the number, please? Seven, eight, nine, zero, five, four, two.
The young queen owned a yellow yacht, which was quite a thing in those days.
What we found was surprising: the more they moved, the better they felt.
Everything above the roof was covered with a fine, silver frost.
Oh, wow, I really did not expect to see you both here on a Wednesday.
Bob and Emma packed a lamp, a map, a pump and a big bag of apples.
If you believe in something, you have to give people a reason to believe you.
It is a privilege to stand before you this evening and speak about hope.
They have a very lively village with five flower shops and a famous fiddle player.
Thank you. Thank you very much. It means a lot to all of us.
The thing about cooking is that you learn much more from a bad meal than a good one.
He was humming a tune while he was trimming the plum trees in the moonlight.
Would you rather walk through the woods or swim out to the wooden raft?
Our team has spent the past month measuring how fast the ice is melting.
I'm happy to say that the bus was empty, so we put our feet up and slept.
Every single evening he would open the window and whistle for the cat.
There are about a thousand ways to do this, and I have tried most of them badly.
She wore a velvet glove, a rough wool scarf and a pair of heavy boots.
But at the end of the day, somebody has to pay for the broken lamp.
The ship shook as the storm pushed it toward the shore.
In my view, the best moment of the film was the one without any words.
Few of the new pupils could use the computer before noon.
I bumped my thumb, dropped the phone, and spoke a word I will not repeat.
How many months have we been waiting for that permit? Eleven!
Poor Paul poured four more cups of warm tea on the floor.
A group of us went up the mountain to watch the moon come up.
That's the point: nobody owns the language, and everyone can change it.
Is there anything you would do differently if you had the chance?
We saw a boy with a toy plane point to the noisy coin machine.
The answer came by mail, in a brown envelope, with my name spelled wrong.
He's always busy, always tired, and always the first one on the dance floor.
Between the beams of the old barn we found a nest of tiny owls.
It was the kind of summer when even the bees moved slowly.
Alright, let me give you an example of what I mean by that.
My voice is only software, but I hope that it moves you a little.
The mayor promised more buses, more benches and more public bathrooms.
Wait a moment, I'm almost there, I just need to find a place to park.
What a beautiful bay! Have you ever been here before?
To be fair, the machine has been working fine since we fixed the valve.
""".splitlines()

OTHER = {
    "de": [
        "Guten Morgen, ich möchte bitte fünf Brötchen und eine große Tasse Kaffee.",
        "Meine Mutter wohnt über der Bäckerei, aber im Sommer fährt sie immer ans Meer.",
        "Wir haben vor vielen Jahren ein blaues Boot gebaut und es fast sofort verloren.",
        "Das Wichtigste ist, dass man am Abend noch miteinander reden und lachen kann.",
    ],
    "fr": [
        "Bonjour, je voudrais une petite table près de la fenêtre, s'il vous plaît.",
        "Mon frère a oublié son parapluie vert dans le bus, comme d'habitude.",
        "Nous avons beaucoup parlé de musique, puis il a plu pendant deux heures.",
        "Ce qui me plaît, c'est le bruit de la mer quand tout le monde dort.",
    ],
    "es": [
        "Buenos días, quería preguntar si el próximo tren para en la estación del puerto.",
        "Mi abuela preparaba una sopa muy buena con verduras de su propio huerto.",
        "La verdad es que nunca pensé que íbamos a volver tan pronto a este pueblo.",
        "Me gusta mucho caminar por la playa cuando todavía no hay nadie.",
    ],
    "it": [
        "Buongiorno, vorrei sapere a che ora apre il museo domani mattina.",
        "Mio padre ha comprato una vecchia bicicletta blu e la pulisce ogni domenica.",
        "Abbiamo parlato per ore, poi siamo usciti a guardare la luna piena.",
    ],
    "pt": [
        "Bom dia, eu queria uma mesa perto da janela para quatro pessoas, por favor.",
        "A minha avó fazia um bolo de amêndoa que ninguém conseguiu repetir.",
        "Quando a chuva parou, fomos todos para a rua ver o arco-íris.",
    ],
    "ru": [
        "Доброе утро, вы не могли бы сказать, во сколько открывается музей?",
        "Мой брат купил большой голубой фонарь и повесил его над воротами.",
        "Мы долго говорили о погоде, а потом пошли пить чай с вареньем.",
        "Бабушка всегда повторяла, что хорошее слово теплее любой шубы.",
    ],
    "pl": [
        "Dzień dobry, poproszę bilet do Warszawy i dużą kawę bez mleka.",
        "Mój wujek zbudował łódkę, która popłynęła prosto na dno jeziora.",
        "Wieczorem wszyscy usiedli przy stole i zaczęli opowiadać o podróży.",
    ],
    "nl": [
        "Goedemorgen, mag ik vijf broodjes en een grote kop koffie van u?",
        "Mijn moeder woont boven de bakker, maar 's zomers is ze altijd aan zee.",
    ],
    "tr": [
        "Günaydın, yarın sabah müze saat kaçta açılıyor, biliyor musunuz?",
        "Babam eski bir mavi bisiklet aldı ve her pazar onu temizliyor.",
    ],
    "cmn": [
        "早上好,请问博物馆明天早上几点开门?",
        "我爸爸买了一辆旧的蓝色自行车,每个星期天都要把它擦干净。",
        "我们聊了很久的天气,然后一起去喝茶。",
    ],
    "hi": [
        "नमस्ते, क्या आप बता सकते हैं कि बाज़ार कब खुलता है?",
        "मेरे भाई ने एक बड़ी नीली नाव बनाई और वह फ़ौरन डूब गई।",
    ],
    "id": [
        "Selamat pagi, besok pagi museumnya buka jam berapa ya?",
        "Adik saya membeli payung biru yang besar dan langsung lupa membawanya pulang.",
    ],
}

ENGLISH_SHARE = 0.7


def sentences(seed: int) -> Iterator[tuple[str, str]]:
    """(language, text) pairs without end: mostly English, sometimes two sentences in a row."""
    rng = random.Random(seed)  # noqa: S311
    while True:
        language = "en" if rng.random() < ENGLISH_SHARE else rng.choice(sorted(OTHER))
        pool = ENGLISH if language == "en" else OTHER[language]
        yield language, " ".join(rng.sample(pool, 2 if rng.random() < 0.3 else 1))
