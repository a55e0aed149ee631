"use strict";
// Keep, undo and return on the page of a draft, without loading the whole page again.

(() => {
  // Milliseconds during which clicks on a button that has just moved are ignored: the second click
  // of a slow double click would keep the next card. Systems accept up to 900 ms between the two.
  const CLICK_PAUSE = 1000;

  // The boxes of the objects to check first, and of those that are not selected.
  const BOXES = "[name=reviewed], [name=add]";

  const CARD_BUTTONS = "[data-card] button";

  const main = document.getElementById("content-start");
  const form = () => document.getElementById("draft-form");
  let replacedAt = -Infinity;
  let formerBoxes = []; // where the buttons of the cards were on the screen before that

  // In sessionStorage, by draft: lasts as long as the tab.
  const inputKey = () => `moderation.input.${form().getAttribute("action")}`;

  function inputOf(element) {
    return {
      reason: element.querySelector("[name=reason]:checked")?.value,
      note: element.querySelector("[name=note]")?.value,
    };
  }

  const storedInput = () => JSON.parse(window.sessionStorage.getItem(inputKey()) ?? "{}");

  const tickBoxes = () => [...main.querySelectorAll("[name=reviewed]")];

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
  function saveInput(event) {
    if (["reason", "note", "reviewed"].includes(event.target.name)) {
      const ticked = tickBoxes().filter((box) => box.checked);
      const reviewed = [...ticksElsewhere(), ...ticked.map((box) => box.value)];
      window.sessionStorage.setItem(inputKey(), JSON.stringify({ ...inputOf(main), reviewed }));
    }
  }

  // Forget the ticks of this page, which the server has stored.
  function forgetTicks() {
    const input = { ...storedInput(), reviewed: ticksElsewhere() };
    window.sessionStorage.setItem(inputKey(), JSON.stringify(input));
  }

  // Forget what the server stores with each request; ticks on other pages are not sent.
  function forgetInput() {
    const reviewed = ticksElsewhere();
    window.sessionStorage.removeItem(inputKey());
    if (reviewed.length) {
      window.sessionStorage.setItem(inputKey(), JSON.stringify({ reviewed }));
    }
  }

  function restoreInput() {
    enter(storedInput());
  }

  // Return the buttons of a form with a name, in the order of the page. Some are outside the form.
  function buttonsNamed(name, formId) {
    const elements = document.getElementById(formId)?.elements ?? [];
    return [...elements].filter((each) => each.name === name && each.tabIndex >= 0);
  }

  // Return the values of the buttons like this one: those after it, then those before it.
  function neighboursOf(button) {
    const undone = button.closest("[data-object]")?.dataset.object;
    if (undone) {
      return [undone];
    }
    const values = buttonsNamed(button.name, button.form.id).map((each) => each.value);
    const position = values.indexOf(button.value);
    const before = values.splice(0, position);
    return [...values, ...before.reverse()];
  }

  // Return a function that focuses the button that takes the place of this one, without moving it
  // on the screen.
  function placeOf(button) {
    const isUndo = button.name === "last";
    const name = isUndo ? "object" : button.name;
    const formId = button.form.id;
    const values = neighboursOf(button);
    const { top } = button.getBoundingClientRect();
    return () => {
      const buttons = buttonsNamed(name, formId);
      const found = values.map((value) => buttons.find((each) => each.value === value));
      const next = found.find(Boolean) ?? document.getElementById("selection-heading");
      const staysInPlace = !isUndo && buttons.includes(next);
      next.focus({ preventScroll: staysInPlace });
      if (staysInPlace) {
        window.scrollBy(0, next.getBoundingClientRect().top - top);
      }
    };
  }

  // Post a button's form as the button does; return the page that this leads to.
  async function pageAfter(button) {
    const url = button.getAttribute("formaction") ?? button.form.action;
    const body = new FormData(button.form, button);
    const buttons = [...button.form.elements].filter((each) => each.type === "submit");
    buttons.forEach((each) => (each.disabled = true));
    const text = await fetch(url, { method: "POST", body })
      .then((response) => response.text())
      .catch(() => ""); // no answer, or only a part of it
    return new DOMParser().parseFromString(text, "text/html");
  }

  const nameAndValue = (control) => `${control.name} ${control.value}`;

  function boxesOfButtons() {
    const buttons = [...main.querySelectorAll(CARD_BUTTONS)];
    return buttons.map((each) => [nameAndValue(each), each.getBoundingClientRect()]);
  }

  function showInPlace(page) {
    const input = inputOf(main);
    formerBoxes = boxesOfButtons();
    const boxes = [...main.querySelectorAll(BOXES)];
    const ticked = new Set(boxes.filter((box) => box.checked).map(nameAndValue));
    main.innerHTML = page.getElementById("content-start").innerHTML;
    enter(input);
    main.querySelectorAll(BOXES).forEach((box) => {
      box.checked = ticked.has(nameAndValue(box));
    });
    document.title = page.title;
    replacedAt = performance.now();
  }

  async function changeSelection(event) {
    const button = event.submitter;
    if (event.target !== form()) {
      return;
    }
    if (!button?.name || button.matches("[data-loads-page]")) {
      forgetInput(); // the button that confirms, or those that review
      return;
    }
    event.preventDefault();
    const focusInPlace = placeOf(button);
    const page = await pageAfter(button);
    if (!page.querySelector("#content-start #draft")) {
      window.location.reload();
      return;
    }
    forgetTicks();
    showInPlace(page);
    const refusal = main.querySelector(".messagelist :is(.error, .warning)");
    if (refusal) {
      refusal.tabIndex = -1;
      refusal.focus(); // which scrolls to it
    } else {
      focusInPlace();
    }
    main.dispatchEvent(new CustomEvent("moderation:replaced"));
  }

  // Return whether a button was elsewhere before the page was replaced.
  function hasMoved(button, { clientX, clientY }) {
    const isAt = (box) =>
      box.left <= clientX && clientX <= box.right && box.top <= clientY && clientY <= box.bottom;
    return !formerBoxes.some(([name, box]) => name === nameAndValue(button) && isAt(box));
  }

  // Ignore a click on a button that has just moved under the pointer. Key presses have no `detail`.
  function ignoreSecondClick(event) {
    const button = event.target.closest(CARD_BUTTONS);
    const isTooEarly = performance.now() - replacedAt < CLICK_PAUSE;
    if (button && event.detail > 0 && isTooEarly && hasMoved(button, event)) {
      event.preventDefault();
    }
  }

  if (form()) {
    restoreInput();
    main.addEventListener("input", saveInput);
    main.addEventListener("submit", changeSelection);
    main.addEventListener("click", ignoreSecondClick);
  }
})();
