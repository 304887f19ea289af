"""The service, with a feed that rests less between two updates, so that a week of them takes minutes."""

import service.live.feed
from service.__main__ import main

if __name__ == "__main__":
    service.live.feed.PAUSE = 0.02
    main()
