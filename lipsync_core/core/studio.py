"""The one core: loaded models and prepared faces, and the takes and live sessions that are made with them."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from lipsync_core.core.options import Face, TakeOptions
from lipsync_core.core.take import Performance, Take
from lipsync_core.face import Avatar, default_avatars, load_avatar
from lipsync_core.face.landmarks import Choice
from lipsync_core.frame import exact_rate
from lipsync_core.models import Life, Model, make_model
from lipsync_core.settings import settings
from lipsync_core.speech import Speech, read_recording, speak

if TYPE_CHECKING:
    from lipsync_core.live.session import LiveSession

PREPARED = 4  # avatars that stay prepared in memory
Key = TypeVar("Key")
Made = TypeVar("Made")


class Studio:
    """Loaded models and prepared avatars, shared by takes; takes may run at once, from any threads."""

    def __init__(self) -> None:
        self._models: dict[str, Future[Model]] = {}
        self._prepared: OrderedDict[tuple[str, str], Future[Any]] = OrderedDict()
        self._lock = Lock()

    def take(self, text: str | None = None, **options: Any) -> Take:
        """Let a face speak a text or, with `audio`, play a recording; TakeOptions has all options.

        Returns at once when the avatar is prepared; speech and frames are made in the background, at most
        `queue_frames` and a batch ahead of the consumer. The frames are the same whatever the batches. Raises
        LipsyncError for what cannot be used; for a text or a recording that turns out so only later, when its frame is
        asked for.
        """
        return self.take_of(TakeOptions(text=text, **options))

    def take_of(self, options: TakeOptions) -> Take:
        """As `take`."""
        options.check_source()
        speech: Iterator[Speech]
        if options.audio is None:
            speech = speak(options.text or "", options.language, options.voice, options.speed)
        else:
            speech = read_recording(options.audio)
        return Take(self.performance(options), speech, options)

    def live(self, **options: Any) -> "LiveSession":
        """A face that is there until it is closed, and says what it is given meanwhile; see LiveSession.

        options: those of TakeOptions; what text or audio there is among them, it says first. Raises LipsyncError as
        `take` does.
        """
        from lipsync_core.live.session import LiveSession

        return LiveSession(self, TakeOptions(**options))

    def performance(self, options: TakeOptions) -> Performance:
        """Load and prepare what draws the frames of a take. Raises LipsyncError for what cannot be used."""
        avatar = self.avatar(options.avatar, face=options.face, size=options.size)
        name = options.model or settings().model
        model = self.model(name)
        rate = exact_rate(options.fps or avatar.fps or settings().fps)
        return Performance(
            model, name, self._state(name, model, avatar), avatar, rate, Life(options.seed, options.idle)
        )

    def avatar(
        self,
        avatar: Face | None = None,
        *,
        face: Choice = None,
        size: int | None = None,
        progress: Callable[[float], object] | None = None,
    ) -> Avatar:
        """The avatar as `take` would use it: an Avatar, or what `load_avatar` takes; by default the first default one.

        Raises LipsyncError for a face that cannot be used.
        """
        if isinstance(avatar, Avatar):
            return avatar
        if avatar is None:
            avatar = next(iter(default_avatars()))
        return load_avatar(avatar, face=face, size=size, progress=progress)

    def model(self, name: str) -> Model:
        """A model by name, loaded once. Raises LipsyncError for an unknown one or one that lacks its files."""
        return self._once(self._models, name, lambda: make_model(name))

    def warm_up(self, **options: Any) -> None:
        """Load and prepare all that the first frame would wait for, by making one."""
        with self.take("Hello.", low_latency=True, **options) as take:
            next(take)

    def _state(self, name: str, model: Model, avatar: Avatar) -> Any:
        return self._once(self._prepared, (name, avatar.key), lambda: model.prepare(avatar), most=PREPARED)

    def _once(
        self, known: dict[Key, "Future[Made]"], key: Key, make: Callable[[], Made], most: int | None = None
    ) -> Made:
        """What `make` made for a key, by whoever asked first; others wait for that alone."""
        with self._lock:
            future = known.get(key)
            mine = future is None
            if future is None:
                future = known[key] = Future()
            if isinstance(known, OrderedDict):
                known.move_to_end(key)
                while most is not None and len(known) > most:
                    known.popitem(last=False)
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:
                with self._lock:
                    if known.get(key) is future:
                        del known[key]  # the next one tries again
                future.set_exception(error)
        return future.result()
