"use strict";
// Keyboard shortcuts on a draft's page. Single letters can be switched off, and do nothing in text
// fields.

(() => {
  const FIELDS = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";
  // These use Enter and Space themselves. In a box to be posted, Enter submits its form.
  const CONTROLS = "a, button, summary, [name=reviewed], [name=add]";

  const main = document.getElementById("content-start");
  let wasKeptByKey = false;

  function currentCard() {
    return document.activeElement.closest("[data-card]");
  }

  // Move the focus to another card, or to the first one in sight.
  function move(step) {
    const cards = [...main.querySelectorAll("[data-card]")];
    const position = cards.indexOf(currentCard());
    const inSight = cards.findIndex((card) => card.getBoundingClientRect().bottom > 0);
    const next = position < 0 ? inSight : position + step;
    cards[Math.min(Math.max(next, 0), cards.length - 1)]?.focus();
  }

  function keep(card) {
    const button = card.querySelector(".removal-keep");
    wasKeptByKey = Boolean(button);
    button?.click();
  }

  // Move the focus from the next Keep button to its card, so that Space does not press the button.
  function focusCard() {
    if (wasKeptByKey) {
      wasKeptByKey = false;
      currentCard()?.focus({ preventScroll: true });
    }
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
  const ON_CARD = { x: keep, o: openObject };

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
    if (areLettersOn && card && Object.hasOwn(ON_CARD, event.key) && !event.repeat) {
      return () => ON_CARD[event.key](card);
    }
    return areLettersOn && Object.hasOwn(ON_PAGE, event.key) ? ON_PAGE[event.key] : null;
  }

  function onKey(event) {
    const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
    if (hasModifier || event.isComposing || event.target.closest(`${FIELDS}, dialog`)) {
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
  new MutationObserver(() => {
    revealButton();
    focusCard();
  }).observe(main, { childList: true });
})();
