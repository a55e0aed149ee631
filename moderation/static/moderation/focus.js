"use strict";
// After a Keep, the focus is on the next card, or stays where the moderator has moved it during the
// request, and what is in sight stays in sight.

(() => {
  // The first button of the form, which no one sees, must never get the focus: it may confirm.
  const CONTROLS = ":is(a, button, input, select, summary, [tabindex]):not([aria-hidden=true])";
  const UNDO = ".removal-last-kept button";

  const main = document.getElementById("content-start");
  let pressed = null; // the card or the button from which the focus moves on
  let before = {}; // where the focus was before the page was replaced
  let lastKeep = null; // where the last Keep was pressed

  // Return the cards of a section by their names. A post with two pictures may have two cards.
  function cardsOf(section) {
    const cards = new Map();
    main.querySelectorAll(`#${section} [data-card]`).forEach((card) => {
      let name = card.dataset.card;
      while (cards.has(name)) {
        name += "+";
      }
      if (card.closest("section").id === section) {
        cards.set(name, card);
      }
    });
    return cards;
  }

  // Return a key that identifies a control on a new page. The text is part of it only if the control
  // has neither a name nor a link.
  function keyOf({ nodeName, name, value, attributes, textContent }) {
    const href = attributes.href?.value ?? "";
    return [nodeName, href, name, value, name || href ? "" : textContent.trim()].join("\n");
  }

  // Return where a card or a control is, so that it can be found again on a new page.
  function pointOf(element) {
    const section = element.closest("section")?.id;
    const cards = cardsOf(section);
    const names = [...cards.keys()];
    const position = [...cards.values()].indexOf(element.closest("[data-card]"));
    const previous = names.slice(0, Math.max(position, 0)).reverse();
    return {
      isOnCard: element.matches("[data-card]"),
      section,
      isInAside: Boolean(element.closest("aside")),
      key: keyOf(element),
      name: element.name,
      card: names[position],
      next: position < 0 ? [] : [...names.slice(position + 1), ...previous],
      top: element.getBoundingClientRect().top,
    };
  }

  // Return the control with this key in a section, or in one of its cards.
  function controlOf({ section, key }, container = main) {
    const controls = [...container.querySelectorAll(CONTROLS)];
    return controls.find((each) => keyOf(each) === key && each.closest("section")?.id === section);
  }

  // Return the element of this card that takes the focus.
  function elementIn(card, point) {
    const buttons = [...card.querySelectorAll(".removal-keep")];
    const same = controlOf(point, card) ?? buttons.find((each) => each.name === point.name);
    return point.isOnCard ? card : (same ?? buttons[0] ?? card);
  }

  // Return the element at a point, or null if it no longer exists.
  function elementAt(point) {
    const card = cardsOf(point.section).get(point.card);
    return card ? elementIn(card, point) : ((!point.card && controlOf(point)) || null);
  }

  // Return the element for a point: its own, or that of the next card of the section.
  function nextElementAt(point) {
    const cards = cardsOf(point.section);
    const card = point.next.map((name) => cards.get(name)).find(Boolean);
    return elementAt(point) ?? (card ? elementIn(card, point) : null);
  }

  function headingOf({ section, isInAside }) {
    const id = isInAside ? "confirm" : (section ?? "selection");
    return document.getElementById(`${id}-heading`) ?? document.getElementById("selection-heading");
  }

  function isInSight(element) {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom > 0 && top < window.innerHeight;
  }

  function cardInSight() {
    return [...main.querySelectorAll("[data-card]")].find(isInSight) ?? null;
  }

  // Return the text field that has the focus, or null. What is typed there must not become keys of
  // the cards when the page is replaced.
  function focusedField() {
    const { name, selectionStart, selectionEnd } = document.activeElement;
    return Number.isInteger(selectionStart) ? { name, selectionStart, selectionEnd } : null;
  }

  function focusField({ name, selectionStart, selectionEnd }) {
    const field = main.querySelector(`[name="${name}"]`);
    field?.focus({ preventScroll: true });
    field?.setSelectionRange(selectionStart, selectionEnd);
  }

  // Remember where an action comes from: the card for a key, and otherwise the button.
  function onSend({ detail: { button, isByKey } }) {
    const active = document.activeElement;
    const isUndoByKey = active.matches("[data-card]") && button?.matches(UNDO);
    pressed = isByKey ? button?.closest("[data-card]") : isUndoByKey ? active : button;
  }

  function beforeReplacing() {
    const active = document.activeElement;
    const isMoved = ![document.body, pressed].includes(active);
    const element = isMoved ? active : pressed;
    const isAnchor = element && main.contains(element) && isInSight(element);
    const point = element && pointOf(element);
    const card = isAnchor ? null : cardInSight();
    before = {
      isMoved,
      isOutside: isMoved && !main.contains(active),
      field: main.contains(active) ? focusedField() : null,
      point,
      anchor: isAnchor ? point : card && pointOf(card),
      pressed: pressed && pointOf(pressed),
    };
  }

  function afterReplacing({ detail: { isUndone, isKept } }) {
    const isBack = isUndone && !before.isMoved && lastKeep && elementAt(lastKeep);
    const { point, anchor } = isBack ? { point: lastKeep, anchor: lastKeep } : before;
    if (anchor) {
      scrollBackTo(anchor);
    }
    if (before.field) {
      focusField(before.field);
    } else if (point && !before.isOutside) {
      focusNext(point, anchor);
    }
    if (isKept) {
      lastKeep = before.pressed;
    }
  }

  function scrollBackTo(anchor) {
    const element = nextElementAt(anchor);
    window.scrollBy(0, element ? element.getBoundingClientRect().top - anchor.top : 0);
  }

  // Focus the element for a point on the new page, or the heading of its part. An element
  // that was in sight must not end up behind what stays on the screen.
  function focusNext(point, anchor) {
    const element = nextElementAt(point);
    (element ?? headingOf(point)).focus({ preventScroll: Boolean(element) });
    if (point === anchor) {
      element?.scrollIntoView({ block: "nearest" });
    }
  }

  // A button that is switched off during a request loses the focus.
  function afterFailure() {
    if (document.activeElement === document.body) {
      pressed?.focus({ preventScroll: true });
    }
  }

  main.addEventListener("moderation:send", onSend);
  main.addEventListener("moderation:replace", beforeReplacing);
  main.addEventListener("moderation:replaced", afterReplacing);
  main.addEventListener("moderation:failed", afterFailure);
})();
