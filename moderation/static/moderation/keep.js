"use strict";
// Keep, undo and return on the page of a draft, without loading the whole page again. What is
// pressed during a request is done after it, in turn.

(() => {
  const OPEN = "dialog[open], :popover-open";
  const WAIT = 100; // milliseconds between checks for an open dialog
  const UNDO = ".removal-last-kept button";
  const DISPLAY = "#display details";
  // What these name cannot change during a request: an object, its owner, one file, the last Keep.
  const EXACT = ["object", "owner_of", "with_file", "last"];

  const main = document.getElementById("content-start");
  const form = () => document.getElementById("draft-form");
  const messages = () => document.getElementById("draft-messages");
  const isErrorShown = () => Boolean(main.querySelector(".messagelist .error"));
  const tell = (name, detail) =>
    main.dispatchEvent(new CustomEvent(`moderation:${name}`, { detail }));
  const pathOf = (url) => new URL(url, window.location).pathname;
  const urlOf = (button) => (button.getAttribute("formaction") ?? form().action).split("#")[0];

  let current = null; // what is being sent, until its result is shown
  let waiting = []; // what was pressed after that: buttons of cards, and Undo
  let notSent = []; // what was dropped
  let nextPage = null; // the link that was followed after that

  // Return what a button sends. It can be sent even after the button has left the page. A key
  // presses a button of the card that has the focus.
  function actionOf(button) {
    const { name, value, ariaLabel, textContent } = button;
    const url = urlOf(button);
    const section = button.closest("section")?.id;
    const isByKey = document.activeElement === button.closest("[data-card]");
    const label = ariaLabel ?? textContent.trim();
    return { button, section, isByKey, url, name, value, label, group: button.dataset.group };
  }

  const isSame = (action, { url, name, value }) =>
    action.url === url && action.name === name && action.value === value;

  // Return the buttons that send an action: an object may have several cards.
  function buttonsOf(action) {
    const buttons = [...main.querySelectorAll("button[name]")];
    return buttons.filter((each) => {
      const { name, value } = each;
      return isSame(action, { url: urlOf(each), name, value });
    });
  }

  // Return the button of an action, or one that has taken its place on a new page.
  function buttonOf(action) {
    const { button, section } = action;
    return button.isConnected
      ? button
      : buttonsOf(action).find((each) => each.closest("section")?.id === section);
  }

  // Show what is under way, or will be.
  function markCards() {
    main.querySelectorAll("[aria-busy]").forEach((card) => card.removeAttribute("aria-busy"));
    const actions = [current, ...waiting].filter((each) => each?.button);
    const cards = actions.flatMap(buttonsOf).map((each) => each.closest("[data-card]"));
    cards.forEach((card) => card?.setAttribute("aria-busy", "true"));
  }

  // Switch off the buttons of the form, or switch them on again, except those of cards.
  function disableButtons(isDisabled) {
    const buttons = [...form().elements].filter((each) => each.type === "submit");
    const others = buttons.filter((each) => !each.matches("[data-card] .removal-keep"));
    others.forEach((each) => (each.disabled = isDisabled));
  }

  // Send an action. Return the response and its text, or no response if there was no answer, or
  // only a part of it. Ticks stay on the page.
  async function post({ url, name, value }) {
    const body = new FormData(form());
    body.delete("reviewed");
    body.append(name, value);
    try {
      const response = await fetch(url, { method: "POST", body });
      return { response, text: await response.text() };
    } catch {
      return { text: "" };
    }
  }

  // Say which button failed, and why. A redirected response is the page that shows the result.
  function showFailure({ label }, response) {
    const { failed, unanswered, notShown } = messages().dataset;
    const text = !response ? unanswered : response.redirected ? notShown : failed;
    messages().replaceChildren();
    addError(text.replace("{status}", response?.status).replace("{action}", () => label));
    tell("failed");
  }

  function addError(text) {
    const list = messages().querySelector("ul") ?? document.createElement("ul");
    const item = document.createElement("li");
    list.className = "messagelist";
    item.className = "error";
    item.textContent = text;
    list.append(item);
    messages().append(list);
  }

  function showResult(page, action) {
    if (!page.querySelector("#content-start #draft")) {
      waiting = [];
      nextPage = null;
      window.location.reload();
      return;
    }
    tell("replace");
    const display = main.querySelector(DISPLAY);
    // Their content is elements here, but would be parsed as text in `main`, where a title with
    // "</noscript>" would end it.
    page.querySelectorAll("noscript").forEach((each) => each.remove());
    main.innerHTML = page.getElementById("content-start").innerHTML;
    main.querySelector(DISPLAY)?.replaceWith(display); // with what has been chosen, but not saved
    document.title = page.title;
    const isKeep = pathOf(action.url) === pathOf(form().action);
    const isUndo = action.name === "last";
    tell("replaced", { isKept: isKeep && !isErrorShown(), isUndone: isUndo && !isErrorShown() });
  }

  // Wait until no dialog is open: a new page would close it.
  async function waitForDialog() {
    while (main.querySelector(OPEN)) {
      await new Promise((resolve) => window.setTimeout(resolve, WAIT));
    }
  }

  async function run(action) {
    current = action;
    tell("send", { button: buttonOf(action), isByKey: action.isByKey });
    markCards();
    disableButtons(true);
    const { response, text } = await post(action);
    await waitForDialog();
    disableButtons(false);
    current = null;
    if (response?.ok) {
      showResult(new DOMParser().parseFromString(text, "text/html"), action);
    } else {
      showFailure(action, response);
    }
    tell("message");
    runNext();
  }

  // Return whether an action still means what its card showed. A group may have changed since.
  function isUnchanged(action) {
    const isSameGroup = ({ dataset }) => dataset.group && dataset.group === action.group;
    return EXACT.includes(action.name) || buttonsOf(action).some(isSameGroup);
  }

  // Do what was pressed next. After an error do nothing more: what can be kept may have changed.
  function runNext() {
    if (isErrorShown()) {
      notSent.push(...waiting.splice(0));
    }
    const next = waiting.shift();
    const action = next?.isUndo ? undoAction() : next;
    if (action && isUnchanged(action)) {
      run(action);
    } else if (next) {
      notSent.push(next);
      runNext();
    } else {
      finish();
    }
  }

  // Name what was not sent, or follow the link.
  function finish() {
    const labels = notSent.splice(0).map((each) => each.label);
    markCards();
    if (labels.length) {
      addError(messages().dataset.notSent.replace("{actions}", () => labels.join("; ")));
      tell("message");
    } else if (nextPage && !isErrorShown()) {
      window.location.assign(nextPage);
    }
    nextPage = null;
  }

  function undoAction() {
    const button = main.querySelector(UNDO);
    return button && actionOf(button);
  }

  // Do it now, or after what is under way. The second of two equal presses does nothing.
  function press(action) {
    if (!current) {
      run(action);
    } else if (action.isUndo || !isSame(action, waiting.at(-1) ?? current)) {
      waiting.push(action);
      markCards();
    }
  }

  function onSubmit(event) {
    const button = event.submitter;
    if (event.target === form() && button?.name && !button.matches("[data-loads-page]")) {
      event.preventDefault();
      press(actionOf(button));
    }
  }

  // Undo the last Keep, even if it is still under way.
  function onUndo() {
    const action = current ? { isUndo: true, label: messages().dataset.undo } : undoAction();
    if (action) {
      press(action);
    }
  }

  // Follow a link only after everything is kept: the next page would otherwise be out of date.
  function onClick(event) {
    const link = event.target.closest("a[href]:not([target], .removal-enlarge)");
    const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    if (current && link && isPlain && !link.getAttribute("href").startsWith("#")) {
      event.preventDefault();
      nextPage = link.href;
    }
  }

  // Let the browser ask before it leaves the page in any other way.
  function beforeUnload(event) {
    if (current) {
      event.preventDefault();
    }
  }

  if (form()) {
    main.addEventListener("submit", onSubmit);
    main.addEventListener("click", onClick);
    main.addEventListener("moderation:undo", onUndo);
    window.addEventListener("beforeunload", beforeUnload);
  }
})();
