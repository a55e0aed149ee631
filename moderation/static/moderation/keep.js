"use strict";
// Keep, undo and return on the page of a draft, without loading the whole page again.

(() => {
  // The boxes of the objects to check first, and of those that are not selected.
  const BOXES = "[name=reviewed], [name=add]";

  const main = document.getElementById("content-start");
  const form = () => document.getElementById("draft-form");
  const messages = () => document.getElementById("draft-messages");
  const nameAndValue = (control) => `${control.name} ${control.value}`;
  let lastKeep = null; // where the last Keep was pressed

  // In sessionStorage, by draft: lasts as long as the tab, or until the draft is confirmed.
  const inputKey = `moderation.input.${new URL("..", window.location).pathname}`;

  const storedInput = () => JSON.parse(window.sessionStorage.getItem(inputKey) ?? "{}");
  const storeInput = (input) => window.sessionStorage.setItem(inputKey, JSON.stringify(input));

  const tickBoxes = () => [...main.querySelectorAll("[name=reviewed]")];

  // Return what is entered on this page, except for the typed count.
  function entered() {
    const ticked = tickBoxes().filter((box) => box.checked);
    return {
      reason: main.querySelector("[name=reason]:checked")?.value,
      note: main.querySelector("[name=note]")?.value,
      reviewed: ticked.map((box) => box.value),
    };
  }

  // Return the ticks of objects to check first that are on other pages of their list.
  function ticksElsewhere() {
    const here = new Set(tickBoxes().map((box) => box.value));
    return (storedInput().reviewed ?? []).filter((value) => !here.has(value));
  }

  // Enter a reason and a note, but not the typed count, which must change.
  function enter(input) {
    const ticked = new Set(input.reviewed);
    tickBoxes().forEach((box) => (box.checked ||= ticked.has(box.value)));
    const note = main.querySelector("[name=note]");
    if (note) {
      note.value = input.note ?? note.value;
    }
    main.querySelectorAll("[name=reason]").forEach((reason) => {
      reason.checked = input.reason ? reason.value === input.reason : reason.checked;
    });
  }

  // Links to other pages of the draft do not send what was entered.
  function saveInput() {
    const input = entered();
    storeInput({ ...input, reviewed: [...ticksElsewhere(), ...input.reviewed] });
  }

  // Forget the ticks of this page, which the server has stored.
  function forgetTicks() {
    storeInput({ ...storedInput(), reviewed: ticksElsewhere() });
  }

  // Keep what a button sends apart until the draft is shown again. Ticks elsewhere are not sent.
  function markAsSent() {
    storeInput({ reviewed: ticksElsewhere(), sent: entered() });
  }

  // Enter what is stored. What was sent may not have arrived: the session had ended, for instance.
  function restoreInput() {
    const { sent, ...input } = storedInput();
    const shown = JSON.stringify(entered());
    enter(input);
    if (sent) {
      storeInput(input);
      enter(sent);
      if (JSON.stringify(entered()) !== shown) {
        saveInput();
      }
    }
  }

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

  // Return where the focus is when a button is pressed: on a card, or on the button itself.
  function focusPointOf(button) {
    const active = document.activeElement;
    const isOnCard = active.matches("[data-card]"); // the button was pressed by a shortcut
    const element = isOnCard ? active : button;
    const section = element.closest("section")?.id;
    const cards = cardsOf(section);
    const names = [...cards.keys()];
    const position = [...cards.values()].indexOf(element.closest("[data-card]"));
    const before = names.slice(0, position).reverse();
    const after = names.slice(position + 1);
    return {
      isOnCard,
      section,
      button: { name: button.name, value: button.value },
      card: names[position],
      next: position < 0 ? [] : [...after, ...before],
      top: element.getBoundingClientRect().top,
    };
  }

  // Return the element of this card that takes the focus.
  function elementIn(card, { isOnCard, button }) {
    const buttons = [...card.querySelectorAll(".removal-keep")];
    const same = buttons.find(({ name }) => name === button.name);
    return isOnCard ? card : (same ?? buttons[0] ?? card);
  }

  function buttonAt({ section, button }) {
    const buttons = [...main.querySelectorAll("button")];
    return buttons.find(
      (each) =>
        each.closest("section")?.id === section && nameAndValue(each) === nameAndValue(button),
    );
  }

  // Return the element at a focus point, or undefined if it no longer exists.
  function elementAt(focusPoint) {
    const card = cardsOf(focusPoint.section).get(focusPoint.card);
    return card ? elementIn(card, focusPoint) : !focusPoint.card && buttonAt(focusPoint);
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
  // there was no answer, or only a part of it.
  async function post(button) {
    const body = new FormData(button.form, button);
    const buttons = [...button.form.elements].filter((each) => each.type === "submit");
    buttons.forEach((each) => (each.disabled = true));
    try {
      const response = await fetch(urlOf(button), { method: "POST", body });
      return { response, text: await response.text() };
    } catch {
      return { text: "" };
    } finally {
      buttons.forEach((each) => (each.disabled = false));
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
    const input = entered();
    main.dispatchEvent(new CustomEvent("moderation:replace"));
    const boxes = [...main.querySelectorAll(BOXES)];
    const ticked = new Set(boxes.filter((box) => box.checked).map(nameAndValue));
    // Their content is elements here, but would be parsed as text in `main`, where a title with
    // "</noscript>" would end it.
    page.querySelectorAll("noscript").forEach((each) => each.remove());
    main.innerHTML = page.getElementById("content-start").innerHTML;
    // What is typed during the request stays. An older page may have had no note yet.
    enter({ ...input, note: input.note || undefined });
    main.querySelectorAll(BOXES).forEach((box) => {
      box.checked = ticked.has(nameAndValue(box));
    });
    document.title = page.title;
  }

  async function changeSelection(event) {
    const button = event.submitter;
    if (event.target !== form()) {
      return;
    }
    if (!button?.name || button.matches("[data-loads-page]")) {
      markAsSent(); // by the button that confirms, or those that review
      return;
    }
    event.preventDefault();
    const focusPoint = focusPointOf(button);
    const { response, text } = await post(button);
    if (!response?.ok) {
      showFailure(button, response);
      focusNext(focusPoint);
    } else {
      showResult(new DOMParser().parseFromString(text, "text/html"), button, focusPoint);
    }
    main.dispatchEvent(new CustomEvent("moderation:message"));
  }

  function showResult(page, button, focusPoint) {
    if (!page.querySelector("#content-start #draft")) {
      window.location.reload();
      return;
    }
    forgetTicks();
    const isKeep = pathOf(urlOf(button)) === pathOf(form().action);
    const field = focusedField();
    showInPlace(page);
    const isRefused = main.querySelector(".messagelist .error");
    if (field) {
      focusField(field);
    } else if (button.name !== "last" || isRefused || !focusLastKept()) {
      focusNext(focusPoint);
    }
    if (isKeep && !isRefused) {
      lastKeep = focusPoint;
    }
  }

  if (form()) {
    restoreInput();
    main.addEventListener("input", (event) => {
      if (["reason", "note", "reviewed"].includes(event.target.name)) {
        saveInput();
      }
    });
    main.addEventListener("submit", changeSelection);
  }
})();
