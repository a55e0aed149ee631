"use strict";
// The second click of a slow double click does nothing on the page of a draft: the first one may
// have put another button under the pointer, which would keep the next card or undo the Keep. A
// key that is held down is not repeated, either.

(() => {
  // Milliseconds. Operating systems accept up to 900 between the clicks of a double click.
  const CLICK_PAUSE = 1000;
  const SAME_POINT = 5; // pixels
  const CARD_BUTTONS = "[data-card] button";
  const UNDO = ".removal-last-kept button";

  const main = document.getElementById("content-start");
  let replacedAt = -Infinity;
  let formerBoxes = []; // where the buttons of the cards were before the page was replaced
  let lastClick = { clientX: -Infinity, clientY: -Infinity };

  const nameAndValue = (button) => `${button.name} ${button.value}`;

  function remember() {
    const buttons = [...main.querySelectorAll(CARD_BUTTONS)];
    formerBoxes = buttons.map((each) => [nameAndValue(each), each.getBoundingClientRect()]);
    replacedAt = performance.now();
  }

  // Return whether a button was elsewhere before the page was replaced.
  function hasMoved(button, { clientX, clientY }) {
    const isAt = (box) =>
      box.left <= clientX && clientX <= box.right && box.top <= clientY && clientY <= box.bottom;
    return !formerBoxes.some(([name, box]) => name === nameAndValue(button) && isAt(box));
  }

  // Return whether a click is at the point of the previous one. A moderator who wants to press
  // Undo moves the pointer first.
  function isSecond({ clientX, clientY }) {
    return Math.hypot(clientX - lastClick.clientX, clientY - lastClick.clientY) < SAME_POINT;
  }

  // Key presses have no `detail`.
  function ignoreSecondClick(event) {
    const isTooEarly = event.detail > 0 && performance.now() - replacedAt < CLICK_PAUSE;
    const card = event.target.closest(CARD_BUTTONS);
    const undo = event.target.closest(UNDO);
    if (isTooEarly && ((card && hasMoved(card, event)) || (undo && isSecond(event)))) {
      event.preventDefault();
    }
    lastClick = { clientX: event.clientX, clientY: event.clientY };
  }

  // Holding Enter on a button must not press those of the next cards.
  function ignoreRepeatedKey(event) {
    if (event.repeat && event.target.closest(`${CARD_BUTTONS}, ${UNDO}`)) {
      event.preventDefault();
    }
  }

  main.addEventListener("moderation:replace", remember);
  main.addEventListener("keydown", ignoreRepeatedKey);
  main.addEventListener("click", ignoreSecondClick);
})();
