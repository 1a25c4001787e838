"""A viewer without a mouse: keys are pressed, and what they do is looked at."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

from tests.support.waiting import wait_until

#: No page has as many places that the Tab key stops at.
MOST_STOPS = 120
_HAS_FOCUS = "(one) => one === document.activeElement"


class Keys:
    """The keyboard of a page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def press(self, *keys: str) -> None:
        """One key after the other."""
        for key in keys:
            await self._page.keyboard.press(key)

    async def write(self, text: str) -> None:
        """Into what has focus, in the place of what is there."""
        await self.press("Control+a")
        await self._page.keyboard.type(text)

    async def to(self, target: Locator, *, back: bool = False) -> None:
        """Tab until it has focus, whose ring must be seen."""
        await expect(target).to_be_visible()
        for _ in range(MOST_STOPS):
            if await target.evaluate(_HAS_FOCUS):
                outline = await target.evaluate("(one) => getComputedStyle(one).outlineStyle")
                assert outline != "none", f"{target} has focus, which nobody sees"
                return
            await self.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"Tab does not reach {target}")

    async def choose(self, target: Locator) -> None:
        """Tab to it and press it."""
        await self.to(target)
        await self.press("Enter")

    async def fill(self, target: Locator, text: str) -> None:
        """Tab to a field and write."""
        await self.to(target)
        await self.write(text)

    async def pick(self, target: Locator, text: str) -> None:
        """Tab to a list to pick from, and type the begin of the wanted line."""
        await self.to(target)
        await self._page.keyboard.type(text)
        await expect(target).to_have_value(text)

    async def go(self, letter: str, heading: str) -> None:
        """To a page by its two keys; they are heard a moment after a page is seen."""
        there = self._page.get_by_role("heading", level=1, name=heading, exact=True)

        async def is_there() -> bool:
            if not await there.is_visible():
                await self.press("g", letter)
            return await there.is_visible()

        await wait_until(is_there, describe=f"the page {heading}", timeout_s=15, pause_s=0.3)
