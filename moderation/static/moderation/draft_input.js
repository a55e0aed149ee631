"use strict";
// What is entered in a draft is not lost when another page of the draft is shown, when a Keep
// replaces the page, or when a request fails.

(() => {
  // The boxes of the objects to check first, and of those that are not selected.
  const BOXES = "[name=reviewed], [name=add]";

  const main = document.getElementById("content-start");
  const nameAndValue = (box) => `${box.name} ${box.value}`;
  let sentNote = "";
  let replaced = {}; // what was entered on the page that is being replaced, and its ticks

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

  // Enter a reason, a note and ticks, but not the count, which has to be typed again.
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

  // Store separately what a button sends, until the draft is shown again. Ticks on other pages are
  // not sent.
  function markAsSent(event) {
    if (event.target.id === "draft-form" && !event.defaultPrevented) {
      storeInput({ reviewed: ticksElsewhere(), sent: entered() });
    }
  }

  // Enter what is stored. What was sent may not have arrived, for instance because the session had
  // ended.
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

  // Remember what is entered.
  function beforeReplacing() {
    const boxes = [...main.querySelectorAll(BOXES)];
    replaced = { input: entered(), ticks: new Map(boxes.map((e) => [nameAndValue(e), e.checked])) };
  }

  // Enter what was typed and ticked during the request, and ticks from another page whose boxes are
  // now on this one. If no note was sent or typed, that of the new page stays.
  function afterReplacing() {
    const { input, ticks } = replaced;
    const note = input.note || sentNote ? input.note : undefined;
    enter({ ...input, note, reviewed: storedInput().reviewed });
    main.querySelectorAll(BOXES).forEach((box) => {
      box.checked = ticks.get(nameAndValue(box)) ?? box.checked;
    });
    storeInput({ ...storedInput(), reviewed: [...ticksElsewhere(), ...entered().reviewed] });
  }

  if (document.getElementById("draft-form")) {
    restoreInput();
    main.addEventListener("input", (event) => {
      if (["reason", "note", "reviewed"].includes(event.target.name)) {
        saveInput();
      }
    });
    main.addEventListener("submit", markAsSent); // runs after keep.js, which handles most buttons
    main.addEventListener("moderation:send", () => (sentNote = entered().note));
    main.addEventListener("moderation:replace", beforeReplacing);
    main.addEventListener("moderation:replaced", afterReplacing);
  }
})();
