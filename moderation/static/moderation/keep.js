"use strict";
// Keep, undo and return on the page of a draft, without loading the whole page again.

(() => {
  const main = document.getElementById("content-start");
  const form = () => document.getElementById("draft-form");
  const messages = () => document.getElementById("draft-messages");
  const nameAndValue = (control) => `${control.name} ${control.value}`;
  const isErrorShown = () => Boolean(main.querySelector(".messagelist .error"));
  const pressedLater = []; // where buttons of cards were pressed during a request
  let isBusy = false; // during a request, and until its result is shown
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

  const keyOf = (control) =>
    [control.nodeName, nameAndValue(control), control.getAttribute("href")].join(" ");

  // Return where a card or a control is, so that it can be found again on a new page.
  function focusPointOf(element) {
    const section = element.closest("section")?.id;
    const cards = cardsOf(section);
    const names = [...cards.keys()];
    const position = [...cards.values()].indexOf(element.closest("[data-card]"));
    const before = names.slice(0, position).reverse();
    const after = names.slice(position + 1);
    return {
      isOnCard: element.matches("[data-card]"),
      section,
      key: keyOf(element),
      name: element.name,
      card: names[position],
      next: position < 0 ? [] : [...after, ...before],
      top: element.getBoundingClientRect().top,
    };
  }

  // Return the element of this card that takes the focus.
  function elementIn(card, focusPoint) {
    const buttons = [...card.querySelectorAll(".removal-keep")];
    const same =
      controlOf(focusPoint, card) ?? buttons.find((each) => each.name === focusPoint.name);
    return focusPoint.isOnCard ? card : (same ?? buttons[0] ?? card);
  }

  // Return the control with this key in a section, or in one of its cards.
  function controlOf({ section, key }, container = main) {
    const controls = [...container.querySelectorAll("a, button, input, select, summary")];
    return controls.find((each) => keyOf(each) === key && each.closest("section")?.id === section);
  }

  // Return the element at a focus point, or undefined if it no longer exists.
  function elementAt(focusPoint) {
    const card = cardsOf(focusPoint.section).get(focusPoint.card);
    return card ? elementIn(card, focusPoint) : !focusPoint.card && controlOf(focusPoint);
  }

  // Return the element for a focus point: its own, or that of the next card of the section.
  function nextElementAt(focusPoint) {
    const cards = cardsOf(focusPoint.section);
    const card = focusPoint.next.map((name) => cards.get(name)).find(Boolean);
    return elementAt(focusPoint) || (card && elementIn(card, focusPoint));
  }

  function cardInSight() {
    const cards = [...main.querySelectorAll("[data-card]")];
    return cards.find((card) => card.getBoundingClientRect().top >= 0);
  }

  // Move the focus to an element, at the same height on the screen.
  function focusAt(top, element) {
    element.focus({ preventScroll: true });
    window.scrollBy(0, element.getBoundingClientRect().top - top);
    if (main.querySelector(".messagelist")) {
      element.scrollIntoView({ block: "nearest" }); // above the messages
    }
  }

  // Lead back to where the last Keep was pressed. Return false if that is not on the page.
  function focusLastKept() {
    const element = lastKeep && elementAt(lastKeep);
    if (element) {
      focusAt(lastKeep.top, element);
    }
    return Boolean(element);
  }

  // Focus the element for a focus point on the new page, or the heading of its section.
  function focusNext(focusPoint) {
    const element = nextElementAt(focusPoint);
    if (element) {
      focusAt(focusPoint.top, element);
    } else if (focusPoint.section) {
      const heading = document.getElementById(`${focusPoint.section}-heading`);
      (heading ?? document.getElementById("selection-heading")).focus();
    } else {
      cardInSight()?.focus({ preventScroll: true });
    }
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

  function urlOf(button) {
    return button.getAttribute("formaction") ?? button.form.action;
  }

  function pathOf(url) {
    return new URL(url, window.location).pathname;
  }

  // Post a button's form as the button does. Return the response and its text, or no response if
  // there was no answer, or only a part of it. The buttons of cards can still be pressed.
  async function post(button) {
    const body = new FormData(button.form, button);
    const buttons = [...button.form.elements].filter((each) => each.type === "submit");
    const idle = buttons.filter((each) => !each.closest("[data-card]"));
    idle.forEach((each) => (each.disabled = true));
    try {
      const response = await fetch(urlOf(button), { method: "POST", body });
      return { response, text: await response.text() };
    } catch {
      return { text: "" };
    } finally {
      idle.forEach((each) => (each.disabled = false));
    }
  }

  // Say which button failed, and why. A redirected response is the page that shows the result.
  function showFailure(button, response) {
    const { failed, unanswered, notShown } = messages().dataset;
    const list = document.createElement("ul");
    const item = document.createElement("li");
    const text = !response ? unanswered : response.redirected ? notShown : failed;
    const action = button.ariaLabel ?? button.textContent.trim();
    list.className = "messagelist";
    item.className = "error";
    item.textContent = text.replace("{status}", response?.status).replace("{action}", () => action);
    list.append(item);
    messages().replaceChildren(list);
  }

  function showInPlace(page) {
    main.dispatchEvent(new CustomEvent("moderation:replace"));
    // Their content is elements here, but would be parsed as text in `main`, where a title with
    // "</noscript>" would end it.
    page.querySelectorAll("noscript").forEach((each) => each.remove());
    main.innerHTML = page.getElementById("content-start").innerHTML;
    document.title = page.title;
    main.dispatchEvent(new CustomEvent("moderation:replaced"));
  }

  // Wait until no dialog is open: a new page would close it.
  async function waitForDialog() {
    const dialog = main.querySelector("dialog[open]");
    if (dialog) {
      await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    }
  }

  function onSubmit(event) {
    const button = event.submitter;
    if (event.target !== form() || !button?.name || button.matches("[data-loads-page]")) {
      return; // The buttons that confirm or review load a page.
    }
    event.preventDefault();
    const active = document.activeElement;
    const isByKey = active.matches("[data-card]");
    if (isBusy) {
      pressedLater.push({ ...focusPointOf(button), isOnCard: isByKey && active.contains(button) });
    } else {
      changeSelection(button, active, isByKey ? active : button);
    }
  }

  // Submit a button's form and show the result. The focus was on `active` and moves on from
  // `pressed`, which is the card if a key was pressed, and otherwise the button.
  async function changeSelection(button, active, pressed) {
    const focusPoint = focusPointOf(pressed);
    isBusy = true;
    button.closest("[data-card]")?.setAttribute("aria-busy", "true");
    const { response, text } = await post(button);
    await waitForDialog();
    isBusy = false;
    button.closest("[data-card]")?.removeAttribute("aria-busy");
    const isElsewhere = ![active, document.body].includes(document.activeElement);
    const movedTo = isElsewhere ? focusPointOf(document.activeElement) : null;
    if (!response?.ok) {
      showFailure(button, response);
      focusNext(movedTo ?? focusPoint);
    } else {
      showResult(new DOMParser().parseFromString(text, "text/html"), button, focusPoint, movedTo);
    }
    main.dispatchEvent(new CustomEvent("moderation:message"));
    pressNext();
  }

  function showResult(page, button, focusPoint, movedTo) {
    if (!page.querySelector("#content-start #draft")) {
      pressedLater.length = 0;
      window.location.reload();
      return;
    }
    const isKeep = pathOf(urlOf(button)) === pathOf(form().action);
    const field = focusedField();
    showInPlace(page);
    const isRefused = isErrorShown();
    if (field) {
      focusField(field);
    } else if (movedTo || button.name !== "last" || isRefused || !focusLastKept()) {
      focusNext(movedTo ?? focusPoint);
    }
    if (isKeep && !isRefused) {
      lastKeep = focusPoint;
    }
  }

  // Submit the first of the buttons that were pressed during the last request, if it is still
  // there. Submit none after an error: what can be kept may have changed.
  function pressNext() {
    const point = isErrorShown() ? null : pressedLater.shift();
    if (!point) {
      pressedLater.length = 0;
      return;
    }
    const button = controlOf(point);
    if (button) {
      const pressed = point.isOnCard ? button.closest("[data-card]") : button;
      changeSelection(button, pressed, pressed);
    } else {
      pressNext();
    }
  }

  if (form()) {
    main.addEventListener("submit", onSubmit);
  }
})();
