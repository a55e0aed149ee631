"use strict";
// Keyboard shortcuts on a draft's page. Single letters can be switched off, and do nothing in text
// fields.

(() => {
  const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
  // These use Enter and Space themselves. In a box to be posted, Enter submits its form.
  const CONTROLS = "a, button, summary, [name=reviewed], [name=add]";

  const main = document.getElementById("content-start");

  function currentCard() {
    return document.activeElement.closest("[data-card]");
  }

  // Return the position of the first card in sight, or of the first one below a heading in focus.
  function firstOf(cards) {
    const heading = document.activeElement.matches("h2, h3") && document.activeElement;
    return cards.findIndex((card) =>
      heading
        ? heading.compareDocumentPosition(card) & Node.DOCUMENT_POSITION_FOLLOWING
        : card.getBoundingClientRect().bottom > 0,
    );
  }

  // Move the focus to another card.
  function move(step) {
    const cards = [...main.querySelectorAll("[data-card]")];
    const position = cards.indexOf(currentCard());
    const next = position < 0 ? firstOf(cards) : position + step;
    cards[Math.min(Math.max(next, 0), cards.length - 1)]?.focus();
  }

  // Keep a card, or return it. focus.js leads to the next card, because this one has the focus.
  function keep(card) {
    card.focus({ preventScroll: true });
    card.querySelector(".removal-keep")?.click();
  }

  // Tick a card as reviewed and go to the next one, or take the tick back.
  function review(card) {
    const box = card.querySelector("[name=reviewed]");
    box?.click();
    if (box?.checked) {
      (card.nextElementSibling ?? card).focus();
    }
  }

  function undo() {
    main.dispatchEvent(new CustomEvent("moderation:undo"));
  }

  function goToConfirmation() {
    const aside = main.querySelector(".removal-aside");
    const chosen = aside.querySelector("[name=reason]:checked");
    (chosen ?? aside.querySelector("input:not([type=hidden]), button")).focus();
  }

  function showKeys() {
    document.getElementById("keys").showModal();
  }

  function openObject(card) {
    card.querySelector("a[target=_blank]:not(.removal-enlarge)")?.click();
  }

  // Enlarge a picture, or the first one of a card.
  function openLarge(pictureOrCard) {
    const link = pictureOrCard.querySelector(".removal-enlarge");
    if (link) {
      link.click();
    } else {
      openObject(pictureOrCard);
    }
  }

  function unblur(card) {
    card.querySelectorAll(".removal-picture input").forEach((input) => input.click());
  }

  const ON_PAGE = {
    j: () => move(1),
    k: () => move(-1),
    c: goToConfirmation,
    "?": showKeys,
  };
  const ON_CARD = { x: keep, r: review, o: openObject };

  function actionOf(event) {
    const card = currentCard();
    const target = event.target.closest(".removal-picture") ?? card;
    const areLettersOn = "letterKeys" in document.getElementById("draft").dataset;
    if (event.key === "Enter" && target && !event.target.closest(CONTROLS)) {
      return () => openLarge(target);
    }
    if (event.key === " " && event.target === card) {
      return () => unblur(card);
    }
    if (!areLettersOn && event.key === "Escape" && !document.querySelector(":popover-open")) {
      return goToConfirmation;
    }
    if (areLettersOn && event.key === "u" && !event.repeat) {
      return undo;
    }
    if (areLettersOn && card && Object.hasOwn(ON_CARD, event.key) && !event.repeat) {
      return () => ON_CARD[event.key](card);
    }
    return areLettersOn && Object.hasOwn(ON_PAGE, event.key) ? ON_PAGE[event.key] : null;
  }

  function onKey(event) {
    const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
    if (hasModifier || event.isComposing || event.target.closest(`${FIELDS}, dialog, [popover]`)) {
      return;
    }
    const action = actionOf(event);
    if (action) {
      event.preventDefault();
      action();
    }
  }

  function onClick(event) {
    if (event.target.closest("#show-keys")) {
      showKeys();
    }
  }

  function revealButton() {
    document.getElementById("show-keys")?.removeAttribute("hidden");
  }

  revealButton();
  document.addEventListener("keydown", onKey);
  main.addEventListener("click", onClick);
  main.addEventListener("moderation:replaced", revealButton);
})();
