"""Whether decoded pictures show what their decoder made up."""

__all__ = ["PictureDamage"]

_TOLERATED = 0.02
_HEALING_SECONDS = 5.0


class PictureDamage:
    """Follows the damage of one stream. Not thread-safe.

    Damage lives on in the pictures that build on a damaged one, until the next key frame. Streams without key frames
    (intra refresh) are given 5 s to heal.

    Attributes:
        macroblocks: Of a picture, 16 x 16 px each.
    """

    def __init__(self) -> None:
        self.macroblocks = 0.0
        self._concealed = 0
        self._since_seconds: float | None = None

    @property
    def is_none(self) -> bool:
        """Whether nothing has been painted over since the last key frame."""
        return self._concealed == 0 and self._since_seconds is None

    def take(self, now_seconds: float, concealed_macroblocks: int, *, keyframe: bool) -> bool:
        """Return whether a picture shows what the decoder made up.

        Args:
            now_seconds: Monotonic time.
            concealed_macroblocks: How many were painted over since the last picture.
            keyframe: Whether the picture was decoded by itself.
        """
        since = self._since_seconds
        if keyframe or (since is not None and now_seconds - since > _HEALING_SECONDS):
            self._concealed, self._since_seconds = 0, None
        self._concealed += concealed_macroblocks
        if self._concealed > _TOLERATED * self.macroblocks and self._since_seconds is None:
            self._since_seconds = now_seconds
        return self._since_seconds is not None
