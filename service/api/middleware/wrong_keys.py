"""Wrong API keys: how many each address has sent lately."""

import math
import time
from collections import OrderedDict, deque
from ipaddress import IPv6Address, ip_network

from service.api import limits
from service.api.middleware.addresses import parse_address

MAX_ADDRESSES = 10_000  # the ones that have been silent longest are forgotten
IPV6_PREFIX_BITS = 64  # of a network, whose host may use any address in it


class WrongKeys:
    """The `times` of the last wrong keys of each address."""

    def __init__(self) -> None:
        self.times: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, address: str) -> bool:
        """Count a wrong key; return True if the address has reached the limit with it."""
        source = _source(address)
        times = self.times.setdefault(source, deque(maxlen=limits.MAX_WRONG_KEYS))
        self.times.move_to_end(source)
        times.append(time.monotonic())
        if len(self.times) > MAX_ADDRESSES:
            self.times.popitem(last=False)
        return self.blocked_seconds(address) > 0

    def blocked_seconds(self, address: str) -> int:
        """Return how long an address is blocked, 0 if it is not."""
        times = self.times.get(_source(address)) if self.times else None
        if times is None or len(times) < limits.MAX_WRONG_KEYS:
            return 0
        return max(math.ceil(times[0] + limits.WRONG_KEYS_SECONDS - time.monotonic()), 0)


def _source(address: str) -> str:
    """Return what stands for one client: an IPv4 address, or the network of an IPv6 address."""
    ip = parse_address(address)
    return str(ip_network((int(ip), IPV6_PREFIX_BITS), strict=False) if isinstance(ip, IPv6Address) else ip or address)
