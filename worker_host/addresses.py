"""Which IP addresses an outgoing request may reach: an explicit table, so that it can be read.

The standard library's `is_global` differs between Python versions and knows no metadata services.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

#: Refused unless private addresses are allowed: what a company or a machine calls its own.
PRIVATE = {
    "private": ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
    "loopback": ["127.0.0.0/8", "::1/128"],
    "carrier-grade NAT": ["100.64.0.0/10"],
}
#: Refused always. 168.63.129.16 serves Azure's machines, 100.100.100.200 Alibaba's,
#: fd00:ec2::/32 Amazon's; 169.254.169.254 is link-local.
NEVER = {
    "metadata service": ["168.63.129.16/32", "100.100.100.200/32", "fd00:ec2::/32"],
    "link-local": ["169.254.0.0/16", "fe80::/10"],
    "unspecified": ["0.0.0.0/8", "::/128"],
    "multicast": ["224.0.0.0/4", "ff00::/8"],
    "reserved": ["192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4"],
    "documentation": ["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"],
    "tunnel": ["2002::/16", "2001::/23", "64:ff9b:1::/48"],
}
PUBLIC_IPV6 = ip_network("2000::/3")
#: The last 32 bits are an IPv4 address that is reached through the prefix: it is judged instead.
EMBEDDING = [ip_network("::ffff:0:0/96"), ip_network("64:ff9b::/96")]

_PRIVATE = [(kind, ip_network(text)) for kind, texts in PRIVATE.items() for text in texts]
_NEVER = [(kind, ip_network(text)) for kind, texts in NEVER.items() for text in texts]


def refusal(text: str, *, allow_private: bool = False) -> str | None:
    """Why an address is refused, in one or two words; None when it may be reached.

    Args:
        text: an IPv4 or IPv6 address; a zone (`%eth0`) is ignored.
        allow_private: accept private, loopback and carrier-grade NAT addresses. Metadata
            services and link-local addresses stay refused.

    >>> refusal("93.184.216.34"), refusal("::ffff:10.0.0.1"), refusal("169.254.169.254", allow_private=True)
    (None, 'private', 'link-local')
    """
    address = _judged(text)
    for kind, network in _NEVER:
        if address in network:
            return kind
    for kind, network in _PRIVATE:
        if address in network:
            return None if allow_private else kind
    if isinstance(address, IPv6Address) and address not in PUBLIC_IPV6:
        return "reserved"
    return None


def _judged(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text.partition("%")[0])
    if any(address in network for network in EMBEDDING):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address
