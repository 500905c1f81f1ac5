"""What a visitor does in a browser, and what they see."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page

from tests.house import House

Open = Callable[..., Page]


def password(served: House) -> str:
    return (served.folder / "admin-password").read_text().strip()


def sign_in(page: Page, served: House, path: str = "/") -> None:
    """Fill in the form that PATH leads to."""
    page.goto(path)
    page.get_by_label("User name or e-mail").fill("admin")
    page.get_by_label("Password").fill(password(served))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_selector("form[action='/sign-out/']")


def choose_theme(page: Page, name: str) -> None:
    """Click until the theme is NAME, and the server knows it."""
    button = page.locator("#theme")
    while button.get_attribute("title") != f"Theme: {name}":
        button.click()
    page.wait_for_function("() => localStorage.getItem('theme-sent') === null")


def rows(page: Page) -> list[str]:
    """Return the ids of the rows, in their order."""
    found = page.locator("article.row")
    return [str(row) for row in found.evaluate_all("rows => rows.map(row => row.id)")]


def unfold(page: Page) -> None:
    """Open each group of repeats, so that no row is hidden."""
    for summary in page.locator(".repeat summary").all():
        summary.click()


def address(page: Page) -> str:
    """Return the path and the query in the address bar."""
    return str(page.evaluate("location.pathname + location.search"))
